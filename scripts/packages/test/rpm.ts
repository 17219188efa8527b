// Checks of the RPM package. There is no Node as an RPM package here: packages without files stand for it.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OLDEST_NODE } from "../../../src/native/node-version.ts";
import { GLIBC } from "../../platforms/targets.ts";
import type { Release } from "../release.ts";
import { installTool } from "../tools.ts";
import type { CleanRoot } from "./clean-root.ts";
import { assertNothingLeft, assertWorks } from "./installed.ts";

/** Returns the files of a package with their rights and owners. */
export function filesOfRpm(file: string): string {
  const format = "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]";
  return execFileSync("rpm", ["-qp", "--qf", format, file], { encoding: "utf8" });
}

/** Installs a package, uses it and removes it. */
export function checkRpm(root: CleanRoot, file: string, release: Release): void {
  const stubs = join(root.folder, "stubs");
  const glibc = stub(stubs, "glibc", [`glibc = ${GLIBC}`]);
  // Distributions give Node an epoch or none; only nodesource.com has no nodejs(engine).
  const ofDistribution = (version: string): string[] => [
    `nodejs = 1:${version}`,
    `nodejs(engine) = ${version}`,
  ];
  const ofNodeSource = (version: string): string[] => [`nodejs = 2:${version}`];
  const rpm = (...args: string[]) =>
    spawnSync(
      "rpm",
      ["--root", root.folder, "--dbpath", "/var/lib/rpm", "--force-debian", ...args],
      { encoding: "utf8" },
    );

  const oldest = stub(stubs, "oldest", ofDistribution(OLDEST_NODE));
  const refused = /nodejs\(engine\) >= .* is needed by blockcopy/;
  for (const [name, node, expected] of [
    ["none", [], refused],
    ["older", ofDistribution("16.20.2"), refused],
    ["older-nodesource", ofNodeSource("16.20.2"), refused],
    ["nodesource", ofNodeSource(OLDEST_NODE), /^$/],
  ] as const)
    assert.match(rpm("--install", "--test", file, glibc, stub(stubs, name, node)).stderr, expected);

  const succeeds = (...args: string[]): void => {
    const { status, stdout, stderr } = rpm(...args);
    assert.deepEqual([status, stdout, stderr], [0, "", ""], `rpm ${args.join(" ")}`);
  };
  succeeds("--install", file, glibc, oldest);
  succeeds("--verify", "blockcopy");
  assertWorks(root, release.version);
  succeeds("--erase", "blockcopy");
  root.run("rm", "-r", "/stubs");
  assertNothingLeft(root);
}

/** Makes a package in a folder that has no files, and provides what it is told to; returns its path. */
function stub(folder: string, name: string, provides: readonly string[]): string {
  const path = join(folder, `${name}.rpm`);
  mkdirSync(folder, { recursive: true });
  const description = { name: `stub-${name}`, version: "1.0.0", provides };
  writeFileSync(
    `${path}.json`,
    JSON.stringify({ ...description, arch: "all", maintainer: "none", description: "stub" }),
  );
  execFileSync(
    installTool("nfpm"),
    ["package", "--config", `${path}.json`, "--packager", "rpm", "--target", path],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  return path;
}
