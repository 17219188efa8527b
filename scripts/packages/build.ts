// npm run build:deb [-- ARCHITECTURE...], and build:rpm: makes packages in target/packages from the description in scripts/packages/nfpm.yaml. Run
// `npm run build:cli` and `npm run build:platforms -- linux-x64-gnu linux-arm64-gnu` before. It needs Go, which builds nfpm the first time.
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { OLDEST_NODE } from "../../src/native/node-version.ts";
import { assertPortable } from "../platforms/portable.ts";
import { GLIBC } from "../platforms/targets.ts";
import { type Architecture, ARCHITECTURES, type Kind, OUT, platformOf } from "./architectures.ts";
import { releaseHere } from "./release.ts";
import { stage } from "./staging.ts";
import { installTool } from "./tools.ts";

try {
  buildAll(process.argv.slice(2));
} catch (error) {
  console.error(`ERROR: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

function buildAll([kind, ...names]: readonly string[]): void {
  if (kind !== "deb" && kind !== "rpm")
    throw new Error("usage: build.ts deb|rpm [ARCHITECTURE...]");
  const unknown = names.filter((name) => !ARCHITECTURES.some((known) => known === name));
  if (unknown.length > 0)
    throw new Error(
      `unknown architecture ${unknown.join(", ")}; expected ${ARCHITECTURES.join(", ")}`,
    );
  for (const architecture of ARCHITECTURES)
    if (names.length === 0 || names.includes(architecture)) build(kind, architecture);
}

function build(packager: Kind, architecture: Architecture): void {
  assertPortable(platformOf(architecture));
  const release = releaseHere();
  const folder = join(OUT, `files-${architecture}`);
  stage(folder, architecture, release);
  const config = resolve("scripts/packages/nfpm.yaml");
  const args = ["package", "--config", config, "--packager", packager, "--target", `${OUT}/`];
  execFileSync(installTool("nfpm"), args, {
    cwd: folder,
    env: {
      ...process.env,
      ARCH: architecture,
      VERSION: release.version,
      MAINTAINER: release.maintainer,
      HOMEPAGE: release.homepage,
      OLDEST_NODE,
      GLIBC,
      SOURCE_DATE_EPOCH: String(release.date.getTime() / 1000),
    },
    stdio: "inherit",
  });
}
