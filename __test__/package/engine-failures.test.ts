// An engine that this host cannot load: the message names the true cause, and the exit code does not blame the program.
import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { explainLoading } from "../../src/native/load-failure.ts";
import { glibcNeeded, isOlder } from "../../src/sync/bootstrap/glibc.ts";
import { obstacleOf } from "../../src/sync/bootstrap/missing-program.ts";
import { assertFailed, bash, EXIT, execute, PROJECT, quote } from "../support/programs/cli.ts";
import { mountAt } from "../support/files/mount.ts";
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
  cpSync(join(PROJECT, "dist/cli"), join(folder, "dist/cli"), { recursive: true });
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

/** An installation whose engine is about to be made useless. */
interface Installed {
  folder: string;
  engine: string;
}

interface Case {
  what: string;
  spoil: (installed: Installed) => void;
  expected: RegExp;
  /** Code that runs before the program, where nothing real can be had. */
  before?: string;
}

/** Builds an engine that asks for a C library by its name. */
function needing(library: string): Case["spoil"] {
  return ({ folder, engine }) => {
    const empty = join(folder, "empty.c");
    writeFileSync(empty, "");
    const stub = join(folder, "libstub.so");
    const build = ["-shared", "-nostdlib", empty, "-Wl,--no-as-needed", "-o"];
    system("cc", ...build, stub, `-Wl,-soname,${library}`);
    system("cc", ...build, engine, stub);
  };
}

/** Puts the package of another platform in the place of the right one. */
function exchange({ folder, engine }: Installed): void {
  const modules = join(folder, "node_modules");
  renameSync(join(modules, "blockcopy-linux-x64-gnu"), join(modules, "blockcopy-linux-x64-musl"));
  assert.ok(!existsSync(engine));
}

/** Makes the installation a checkout in which nothing is built. */
function unbuild({ folder }: Installed): void {
  rmSync(join(folder, "node_modules"), { recursive: true });
  mkdirSync(join(folder, PACKAGE), { recursive: true });
  cpSync(join(PROJECT, PACKAGE, "package.json"), join(folder, PACKAGE, "package.json"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(`../${PACKAGE}`, join(folder, "node_modules/blockcopy-linux-x64-gnu"));
}

const CASES: readonly Case[] = [
  {
    what: "missing, as after npm install --omit=optional",
    spoil: ({ folder }) => rmSync(join(folder, "node_modules"), { recursive: true }),
    expected: /is not installed.*; install blockcopy again without --omit=optional .*-x64-gnu of/,
  },
  ...["node_modules", "own/.node_modules"].map((place) => ({
    what: `missing, while Node would take another one from ${place}`,
    spoil: ({ folder }: Installed) => {
      rmSync(join(folder, "node_modules"), { recursive: true });
      const other = join(folder, "..", place, "blockcopy-linux-x64-gnu");
      mkdirSync(other, { recursive: true });
      writeFileSync(join(other, "index.js"), "process.exit(1)");
    },
    expected: /is not installed.*; install blockcopy again/,
  })),
  {
    what: "removed",
    spoil: ({ engine }) => rmSync(engine),
    expected: /is not installed.*; install blockcopy again/,
  },
  {
    what: "of another platform, as after copying node_modules",
    spoil: exchange,
    expected:
      /is for linux-x64-musl, and this Node is for linux-x64-gnu; install blockcopy on this/,
  },
  {
    what: "not built in a checkout",
    spoil: unbuild,
    expected: /is not built in the checkout \/.*; run `npm run build` there/,
  },
  {
    what: "empty",
    spoil: ({ engine }) => writeFileSync(engine, ""),
    expected: /damaged.*; install blockcopy again/,
  },
  {
    what: "text",
    spoil: ({ engine }) => writeFileSync(engine, "text ".repeat(99)),
    expected: /damaged, or for another kind/,
  },
  {
    what: "cut off",
    spoil: ({ engine }) => writeFileSync(engine, readFileSync(engine).subarray(0, 100_000)),
    expected: /cut off: it has 100000 of \d+ bytes/,
  },
  {
    what: "of 32 bits",
    spoil: ({ engine }) => poke(engine, 4, 1),
    expected: /another kind of machine \(wrong ELF class/,
  },
  {
    what: "for arm64",
    spoil: ({ engine }) => poke(engine, 18, 183),
    expected: /it is not for x64 \(machine 183/,
  },
  {
    what: "for a newer glibc",
    spoil: ({ engine }) => patch(engine, "GLIBC_2.34", "GLIBC_2.99"),
    expected:
      /needs GLIBC_2\.99, and this system has glibc 2\.\d+; .*build:platforms -- linux-x64-gnu.*single executable/,
  },
  {
    what: "without a library",
    spoil: ({ engine }) => patch(engine, "libgcc_s.so.1", "libgcc_s.so.9"),
    expected: /a library that it needs is missing \(libgcc_s\); install the packages/,
  },
  ...["libc.so", "libc.musl-x86_64.so.1"].map((library) => ({
    what: `for musl, by the name ${library}`,
    spoil: needing(library),
    expected: /it is for musl, and this Node is for glibc; install blockcopy on this host/,
  })),
  {
    what: "for an unsupported system",
    spoil: () => undefined,
    expected:
      /no engine for freebsd-x64; run blockcopy on Linux on x86-64 or ARM64, .* or on macOS/,
    before: 'Object.defineProperty(process, "platform", { value: "freebsd" });',
  },
];

test("an engine that cannot be loaded: the cause, and what to do", { skip }, async (t) => {
  const folder = scratch(t);
  for (const [at, { what, spoil, expected, before = "" }] of CASES.entries())
    await t.test(what, async () => {
      const own = join(folder, String(at), "own");
      const { program, engine } = install(own);
      spoil({ folder: own, engine });
      const first = join(own, "first.cjs");
      writeFileSync(first, before);
      const command = [process.execPath, "--require", first, program, "checksum", program];
      const outcome = await execute(command, { env: { HOME: own } });
      assertFailed(outcome, EXIT.busy, "checksum", expected);
      assert.equal(outcome.stderr.trim().split("\n").length, 1, "one message, no stack");
    });
});

function noexec(t: TestContext): string {
  const point = scratch(t);
  mountAt(t, point, "-t", "tmpfs", "-o", "noexec,size=32M", "tmpfs");
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
    [
      `dlopen(${file}, 0x0001): tried: '${file}' (mach-o file, but is an incompatible architecture (have 'x86_64', need 'arm64'))`,
      /another kind of machine \(incompatible architecture\)/,
      /install blockcopy again/,
    ],
    [
      `dlopen(${file}, 0x0001): code signature in <X> '${file}' not valid for use in process: library load disallowed by system policy`,
      /macOS does not let it run \(code signature in <X> \)/,
      /`xattr -d com\.apple\.quarantine \/opt\/engine\.node`/,
    ],
    [
      `dlopen(${file}, 0x0001): Symbol not found: _x, expected in libSystem (built for macOS 15.0 which is newer than running OS)`,
      /built for macOS 15\.0, which is newer/,
      /newer macOS/,
    ],
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
  assert.match(
    obstacleOf({ ...here, glibc: "2.17" }, needed)?.advice ?? "",
    /build:platforms.*single executable .*\/usr\/local\/bin\/blockcopy/,
  );
});
