// An engine that this host cannot load: the message names the true cause, and the exit code does not blame the program.
import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { explainLoading } from "../../src/native/load-failure.ts";
import { glibcNeeded, isOlder } from "../../src/sync/bootstrap/glibc.ts";
import { obstacleOf } from "../../src/sync/bootstrap/missing-program.ts";
import { assertFailed, bash, EXIT, execute, PROJECT, quote } from "../support/programs/cli.ts";
import { defer } from "../support/cleanup.ts";
import { scratch } from "../support/files/files.ts";
import { lackingRoot, system } from "../support/programs/tools.ts";

const PACKAGE = "npm/linux-x64-gnu";
const BINARY = "blockcopy.linux-x64-gnu.node";
const platform = `${process.platform}-${process.arch}`;
const skip = platform === "linux-x64" ? false : `no package is built for ${platform}`;

/** Puts the program and its engine into a folder, as npm would. */
function install(folder: string): { program: string; engine: string } {
  const modules = join(folder, "node_modules/blockcopy-linux-x64-gnu");
  mkdirSync(modules, { recursive: true });
  cpSync(join(PROJECT, "dist"), join(folder, "dist"), { recursive: true });
  cpSync(join(PROJECT, "package.json"), join(folder, "package.json"));
  for (const file of ["package.json", BINARY])
    cpSync(join(PROJECT, PACKAGE, file), join(modules, file));
  return { program: join(folder, "dist/cli/main.js"), engine: join(modules, BINARY) };
}

/** Replaces text in a binary file by another one of the same length. */
function patch(file: string, from: string, to: string): void {
  const content = readFileSync(file, "latin1");
  assert.ok(content.includes(from) && from.length === to.length);
  writeFileSync(file, content.replaceAll(from, to), "latin1");
}

/** Sets one byte of a file. */
function poke(file: string, offset: number, value: number): void {
  const content = readFileSync(file);
  content[offset] = value;
  writeFileSync(file, content);
}

const DAMAGES: readonly [what: string, damage: (engine: string) => void, expected: RegExp][] = [
  ["missing", (file) => rmSync(file), /is not installed.*; install blockcopy-linux-x64-gnu/],
  ["empty", (file) => writeFileSync(file, ""), /damaged.*; install blockcopy again/],
  ["text", (file) => writeFileSync(file, "text ".repeat(99)), /damaged, or for another kind/],
  [
    "cut off",
    (file) => writeFileSync(file, readFileSync(file).subarray(0, 100_000)),
    /cut off: it has 100000 of \d+ bytes/,
  ],
  ["of 32 bits", (file) => poke(file, 4, 1), /another kind of machine \(wrong ELF class/],
  ["for arm64", (file) => poke(file, 18, 183), /it is not for x64 \(machine 183/],
  [
    "too new",
    (file) => patch(file, "GLIBC_2.34", "GLIBC_2.99"),
    /needs GLIBC_2\.99, and this system has glibc 2\.\d+; use a newer release/,
  ],
  [
    "without a library",
    (file) => patch(file, "libgcc_s.so.1", "libgcc_s.so.9"),
    /a library that it needs is missing \(libgcc_s\); install the packages/,
  ],
];

test("an engine that cannot be loaded: the cause, and what to do", { skip }, async (t) => {
  const folder = scratch(t);
  const { program, engine } = install(folder);
  const whole = readFileSync(engine);
  for (const [what, damage, expected] of DAMAGES)
    await t.test(what, async () => {
      writeFileSync(engine, whole);
      damage(engine);
      const outcome = await execute([process.execPath, program, "checksum", program]);
      assertFailed(outcome, EXIT.busy, "checksum", expected);
      assert.doesNotMatch(outcome.stderr, /please report/);
    });
});

function noexec(t: TestContext): string {
  const point = scratch(t);
  system("mount", "-t", "tmpfs", "-o", "noexec,size=32M", "tmpfs", point);
  defer(t, () => system("umount", point));
  return point;
}

test(
  "an engine on a noexec mount",
  { skip: skip || lackingRoot("mount", "setpriv") },
  async (t) => {
    const point = noexec(t);
    const { program } = install(point);
    assertFailed(
      await execute([process.execPath, program, "checksum", program]),
      EXIT.busy,
      "checksum",
      new RegExp(`: ${point} is mounted noexec .*; install blockcopy on a file system`),
    );
  },
);

test(
  "an engine that this user may not read",
  { skip: skip || lackingRoot("mount", "setpriv") },
  async (t) => {
    const folder = scratch(t);
    const { program, engine } = install(folder);
    system("chmod", "-R", "a+rX", folder);
    system("chmod", "0600", engine);
    const command = [process.execPath, program, "checksum", program];
    const outcome = await bash(`exec setpriv --reuid 65534 --clear-groups ${quote(command)}`);
    assertFailed(outcome, EXIT.busy, "checksum", /permission denied; let this user read it/);
  },
);

test("words of the dynamic linkers", () => {
  const file = "/opt/engine.node";
  const words: readonly [message: string, why: RegExp, advice: RegExp][] = [
    [`${file}: cannot open shared object file: Too many open files`, /too many/, /ulimit -n/],
    [`${file}: cannot create shared object descriptor: Cannot allocate memory`, /memory/, /-v/],
    [`${file}: undefined symbol: napi_later`, /this Node has no napi_later/, /newer Node/],
    [`${file}: cannot open shared object file: Permission denied`, /denied/, /SELinux/],
    [
      "Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by x)",
      /ld-linux/,
      /./,
    ],
    ["Error relocating x: gnu_get_libc_version: symbol not found", /Error relocating/, /./],
    ["something\nnew", /^something new$/, /install blockcopy again/],
  ];
  for (const [message, why, advice] of words) {
    const explained = explainLoading(message, file);
    assert.match(explained.why, why);
    assert.match(explained.advice, advice);
  }
});

test("the glibc that an engine needs, and a host that has an older one", { skip }, (t) => {
  assert.ok(isOlder("2.9", "2.28") && !isOlder("2.28", "2.28") && !isOlder("2.28", "2.9"));
  const engine = join(PROJECT, PACKAGE, BINARY);
  const needed = glibcNeeded(readFileSync(engine)) ?? "";
  assert.match(needed, /^2\.\d+$/);
  const copy = join(scratch(t), "engine");
  cpSync(engine, copy);
  appendFileSync(copy, "GLIBC_2.4\0GLIBC_2.101\0GLIBC_PRIVATE\0");
  assert.equal(glibcNeeded(readFileSync(copy)), "2.101");
  assert.equal(glibcNeeded(Buffer.from("no engine")), undefined);

  const here = { node: process.version, platform, system: "Linux x86_64", path: "/bin" };
  assert.equal(obstacleOf({ ...here, glibc: needed }, needed), undefined);
  assert.match(
    obstacleOf({ ...here, glibc: "2.17" }, needed)?.what ?? "",
    new RegExp(`needs glibc ${needed}, where there is only 2\\.17`),
  );
});
