// npm run release:files [-- --partial]: collects the files of a release in target/release, with their SHA-256 and the notes. All of them must have been built;
// with --partial, names those that have not.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { ARCHITECTURES, OUT as PACKAGES, packageFile } from "../packages/architectures.ts";
import { releaseHere } from "../packages/release.ts";
import { packForNpm } from "./npm-packages.ts";
import { notesOf } from "./versions.ts";

const OUT = "target/release";
const NOTES = "target/release-notes.md";
const SINGLE = "dist/single";
/** The executables, and the licences of what is in them. */
const EXECUTABLES = ["blockcopy-linux-x64", "blockcopy-linux-arm64", "LICENSES.txt"];

const partial = process.argv.includes("--partial");
const { version, homepage } = releaseHere();
rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });

const missing: string[] = [];
for (const folder of readdirSync("npm")
  .map((name) => join("npm", name))
  .concat("."))
  collect(() => packForNpm(folder, OUT, homepage));
for (const kind of ["deb", "rpm"] as const)
  for (const architecture of ARCHITECTURES)
    collect(() =>
      copy(join(PACKAGES, packageFile(kind, architecture, version)), `npm run build:${kind}`),
    );
for (const name of EXECUTABLES) collect(() => copy(join(SINGLE, name), "npm run build:single"));

for (const what of missing) console.error(`missing: ${what}`);
if (missing.length > 0 && !partial) process.exitCode = 1;

const sums = readdirSync(OUT)
  .toSorted()
  .map((name) => {
    const digest = createHash("sha256")
      .update(readFileSync(join(OUT, name)))
      .digest("hex");
    return `${digest}  ${name}\n`;
  });
writeFileSync(join(OUT, "SHA256SUMS"), sums.join(""));
writeFileSync(NOTES, notesOf(readFileSync("CHANGELOG.md", "utf8"), version));
process.stdout.write(sums.join(""));

function copy(file: string, remedy: string): void {
  if (!existsSync(file)) throw new Error(`${file}: ${remedy}`);
  copyFileSync(file, join(OUT, basename(file)));
}

/** Adds a file, or says why it is missing. */
function collect(add: () => void): void {
  try {
    add();
  } catch (error) {
    missing.push(error instanceof Error ? error.message : String(error));
  }
}
