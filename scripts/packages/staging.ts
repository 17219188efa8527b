// The files of the Debian and RPM packages, in a folder that nfpm takes them from. scripts/packages/nfpm.yaml says where each one goes.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { PROGRAM } from "../../src/native/installation.ts";
import { engineFileOf, packageOf, platformName } from "../../src/native/platform.ts";
import { type Architecture, platformOf } from "./architectures.ts";
import type { Release } from "./release.ts";

const LAUNCHER = "dist/cli/blockcopy";

/** Files that begin with a line that names their interpreter. */
const EXECUTABLE = [`lib/${LAUNCHER}`, "lib/dist/cli/main.js"];

/** Licences of what the bundle and the engine are made of. */
const NOTICES = "THIRD-PARTY-LICENSES.txt";

/**
 * Fills a folder with the files of the packages for an architecture.
 *
 * @throws Error if the program or the engine is not built
 */
export function stage(folder: string, architecture: Architecture, release: Release): void {
  rmSync(folder, { recursive: true, force: true });
  const write = (name: string, content: Uint8Array | string): void => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    // Not by the umask of whoever builds.
    chmodSync(path, EXECUTABLE.includes(name) ? 0o755 : 0o644);
  };
  const engine = join("npm", platformName(platformOf(architecture)));

  for (const file of programFiles()) write(`lib/${file}`, readFileSync(file));
  const inside = `lib/node_modules/${packageOf(platformOf(architecture))}`;
  for (const name of ["package.json", NOTICES, engineFileOf(platformOf(architecture))])
    write(`${inside}/${name}`, readFileSync(join(engine, name)));

  for (const page of readdirSync("man")) write(`man/${page}.gz`, compressed(join("man", page)));
  for (const shell of ["bash", "zsh", "fish"])
    write(`completions/${shell}`, execFileSync(LAUNCHER, ["completion", shell]));
  for (const unit of ["blockcopy@.service", "blockcopy@.timer"])
    write(`systemd/${unit}`, packagedUnit(join("examples/systemd", unit)));
  for (const name of ["nightly.conf", "devices.conf"])
    write(`examples/${name}`, readFileSync(join("examples/systemd", name)));

  write("copyright", copyright(inside));
  write("changelog.gz", compressed("CHANGELOG.md"));
  write("changelog.yaml", packageChangelog(release));
  write("lintian-overrides", readFileSync("scripts/packages/lintian-overrides"));
}

/** Returns the files of the program, of those that npm would publish. */
function programFiles(): string[] {
  if (!existsSync(LAUNCHER)) throw new Error(`${LAUNCHER} does not exist: npm run build:cli`);
  const packed = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [{ files }] = JSON.parse(packed.toString()) as [{ files: { path: string }[] }];
  return files
    .map(({ path }) => path)
    .filter((path) =>
      PROGRAM.some((part) => path === part || (part.endsWith("/") && path.startsWith(part))),
    );
}

/** Compressed as Debian wants it: as small as gzip can, and without a date. */
function compressed(file: string): Buffer {
  return gzipSync(readFileSync(file), { level: 9 });
}

/** The unit of an example, for a program that is installed by a package. */
function packagedUnit(file: string): string {
  const unit = readFileSync(file, "utf8")
    .replace(/^# In \/usr\/local\/bin or .*\n/m, "")
    .replace("=/usr/bin/env blockcopy ", "=/usr/bin/blockcopy ");
  if (/\/usr\/local|\/env /.test(unit)) throw new Error(`${basename(file)} is not for /usr/bin`);
  return unit;
}

/** Debian's copyright file. Licences of libraries stay next to them: `sync` sends them along. */
function copyright(inside: string): string {
  return [
    readFileSync("LICENSE", "utf8"),
    "The licences of the libraries that the program and its engine contain:",
    `/usr/lib/blockcopy/dist/${NOTICES}`,
    `/usr/${inside.replace("lib/", "lib/blockcopy/")}/${NOTICES}`,
    "",
  ].join("\n");
}

/** The list of versions of the package itself, which nfpm writes in the formats of both kinds. */
function packageChangelog({ version, date, maintainer }: Release): string {
  const entry = {
    semver: `${version}-1`,
    date: date.toISOString(),
    packager: maintainer,
    deb: { urgency: "medium", distributions: ["unstable"] },
    changes: [{ note: `Version ${version}; changelog.gz in this folder says what has changed` }],
  };
  return JSON.stringify([entry]);
}
