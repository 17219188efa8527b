// The examples of docs/library.md: they run, print what they say, and have the right types.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ExitCode } from "../../src/errors/exit-codes.ts";
import { noise, scratch } from "../support/files/files.ts";
import { execute, PROJECT } from "../support/programs/cli.ts";
import { changedIn } from "../support/programs/sync-pair.ts";

const PAGE = readFileSync(join(PROJECT, "docs/library.md"), "utf8");

const EXAMPLES = Array.from(PAGE.matchAll(/^```js\n(.*?)^```$/gms), ([, code = ""]) => code);

/** Content of `disk.img`; `copy.img` differs from it in one block. */
const DISK = noise("disk", 400_000);

/** A folder in which `blockcopy` is installed as `npm install` does it. */
function project(t: TestContext): string {
  const folder = scratch(t);
  mkdirSync(join(folder, "node_modules/@types"), { recursive: true });
  symlinkSync(PROJECT, join(folder, "node_modules/blockcopy"));
  symlinkSync(join(PROJECT, "node_modules/@types/node"), join(folder, "node_modules/@types/node"));
  return folder;
}

for (const [index, code] of EXAMPLES.entries()) {
  const expected = Array.from(code.matchAll(/\/\/ => (.*)/g), ([, text]) => `${text}\n`).join("");
  test(`example ${index + 1} prints ${JSON.stringify(expected)}`, async (t) => {
    assert.notEqual(expected, "", "it shows what it prints");
    const cwd = project(t);
    writeFileSync(join(cwd, "example.mjs"), code);
    writeFileSync(join(cwd, "disk.img"), DISK);
    writeFileSync(join(cwd, "copy.img"), changedIn(DISK, 1));
    const {
      code: exit,
      stdout,
      stderr,
    } = await execute([process.execPath, "example.mjs"], { cwd });
    assert.equal(stdout.toString(), expected, stderr);
    assert.equal(exit, 0);
  });
}

test("the table of errors has all exit codes", () => {
  const rows = Array.from(PAGE.matchAll(/^\| `([A-Z_]+)` +\| (\d+) +\|/gm));
  const documented = rows.map(([, code, exitCode]) => [code, Number(exitCode)]);
  const all = Object.entries(ExitCode).map(([name, exitCode]) => [
    name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
    exitCode,
  ]);
  const own = [["ABORTED", 143]];
  const isFailure = ([name]: (typeof all)[number]): boolean =>
    name !== "SUCCESS" && name !== "DIFFERENT";
  assert.deepEqual(documented, [...all.filter(isFailure), ...own]);
});

/** Uses of the types that an example would not make, and mistakes that the compiler must find. */
const TYPES = `
import type { Readable } from "node:stream";
import { type BlockcopyError, checksum, compare, type CopyEvent, type Run, save, sync, type SyncOptions, type SyncResult } from "blockcopy";
const options: SyncOptions = { source: "a", destination: "b", blockSize: "64K", compress: "zstd:3", verify: "full", timeout: 5 };
const run: Run<SyncResult> = sync(options);
const events: AsyncIterable<CopyEvent> = run;
const stream: Readable = checksum({ file: "a" }).output;
const root: Promise<{ root: string }> = checksum({ file: "a", root: true }).result;
const code = (error: BlockcopyError): number => (error.code === "ABORTED" ? 0 : error.exitCode);
const equal: Promise<{ equal: boolean }> = compare("a", "b", { rsh: "ssh" }).result;
export { code, equal, events, root, stream };
// @ts-expect-error It has no such option.
sync({ source: "a", destination: "b", verfy: "full" });
// @ts-expect-error It is not a verification.
sync({ source: "a", destination: "b", verify: "all" });
// @ts-expect-error There is no stream to read.
save({ file: "a" });
// @ts-expect-error A comparison takes no part.
compare("a", "b", { force: true });
// @ts-expect-error Only the root digest has been asked for.
checksum({ file: "a", root: true }).output;
`;

test("the examples and the types, as the compiler sees them", async (t) => {
  const cwd = project(t);
  EXAMPLES.forEach((code, index) => writeFileSync(join(cwd, `${index}.mjs`), code));
  writeFileSync(join(cwd, "types.mts"), TYPES);
  for (const module of ["nodenext", "preserve"]) {
    const compilerOptions = {
      module,
      target: "es2022",
      types: ["node"],
      noEmit: true,
      strict: true,
      allowJs: true,
      checkJs: true,
      useUnknownInCatchVariables: false,
    };
    writeFileSync(
      join(cwd, "tsconfig.json"),
      JSON.stringify({ compilerOptions, include: ["*.m*"] }),
    );
    const tsc = join(PROJECT, "node_modules/.bin/tsc");
    const { code, stdout } = await execute([tsc, "-p", "tsconfig.json"], { cwd });
    assert.equal(stdout.toString(), "", module);
    assert.equal(code, 0);
  }
});
