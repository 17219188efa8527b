// npm run test:packages: installs the packages that `npm run build:deb` and `npm run build:rpm` have made in a clean Debian, uses the program, and removes it.
// It needs root, and downloads 150 MB, most of it once.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lackingRoot } from "../../../__test__/support/programs/tools.ts";
import { type Architecture, ARCHITECTURES, type Kind, OUT, packageFile } from "../architectures.ts";
import { releaseHere } from "../release.ts";
import { cleanRoot } from "./clean-root.ts";
import { assertSoundDeb, checkDeb, filesOfDeb } from "./deb.ts";
import { checkRpm, filesOfRpm } from "./rpm.ts";

const lacking = lackingRoot("debootstrap", "lintian", "rpm", "unshare");
if (lacking !== false) throw new Error(`npm run test:packages ${lacking}`);

const release = releaseHere();
const here: Architecture = process.arch === "arm64" ? "arm64" : "amd64";
const scratch = mkdtempSync(join(tmpdir(), "blockcopy-packages-"));
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));

for (const architecture of ARCHITECTURES) assertSoundDeb(built("deb", architecture));
console.log("passed: lintian");
assertSameFiles(ARCHITECTURES.map((architecture) => filesOfDeb(built("deb", architecture))));
assertSameFiles(ARCHITECTURES.map((architecture) => filesOfRpm(built("rpm", architecture))));
console.log(`passed: packages for ${ARCHITECTURES.join(" and ")} have the same files`);

const root = cleanRoot(join(scratch, "root"));
checkDeb(root, built("deb", here), release);
console.log("passed: the Debian package works, and leaves nothing when it is removed");
// Node is still there.
checkRpm(root, built("rpm", here), release);
console.log("passed: the RPM package works, and leaves nothing when it is removed");

function built(kind: Kind, architecture: Architecture): string {
  const path = join(OUT, packageFile(kind, architecture, release.version));
  if (!existsSync(path)) throw new Error(`${path} does not exist: npm run build:${kind}`);
  return path;
}

/** Fails if lists of files differ in more than the name of the processor: only the packages for this one are run. */
function assertSameFiles(lists: readonly string[]): void {
  const [first, ...others] = lists.map((list) =>
    list
      .replaceAll(/linux-(x64|arm64)-gnu/g, "linux-CPU-gnu")
      // Without sizes and times, which may differ, in the lists of tar(1).
      .replaceAll(/ +\d+ \d{4}-\d\d-\d\d \d\d:\d\d /g, " "),
  );
  for (const other of others) assert.equal(other, first);
}
