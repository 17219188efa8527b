// Servers that `sync` and `compare` start for one run: `[ COMMAND ]` in the place of an end.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { noise, scratch } from "../support/files/files.ts";
import { environmentHere, lackingHosts, prefixHere } from "../support/hosts/hosts.ts";
import { assertFailed, COMMAND, EXIT, run } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { lacking, system } from "../support/programs/tools.ts";

const MIB = 1024 * 1024;

const skip = lacking("nbdkit", "qemu-nbd");

const DISK = noise("disk", 2 * MIB);

/** Makes a folder with a disk and a different copy. `isServed` tells if a server runs whose command names a word. */
function ends(t: TestContext): {
  cwd: string;
  at: (name: string) => string;
  isServed: (word: string) => boolean;
} {
  const cwd = scratch(t);
  const at = (name: string): string => join(cwd, name);
  writeFileSync(at("disk"), DISK);
  writeFileSync(at("copy"), Buffer.alloc(DISK.length, 1));
  const isServed = (word: string): boolean =>
    system("ps", "-eo", "args")
      .split("\n")
      .some((args) => /^(?:nbdkit|qemu-nbd|sh) /.test(args) && args.includes(word));
  return { cwd, at, isServed };
}

test("copies from and to servers, and comparisons with them", { skip }, async (t) => {
  const { cwd, at, isServed } = ends(t);
  const start = (...args: string[]): ReturnType<typeof run> => run(args, { cwd });
  for (const [to, ...words] of [
    ["copy", "[", "nbdkit", "-r", "file", "disk", "]", "copy"],
    // By the stages, from a folder of its own, with what could be an option of this program.
    [
      "copy",
      "--verify=full",
      "--",
      "disk",
      "[",
      "nbdkit",
      "--filter=log",
      "file",
      "copy",
      "logfile=--help",
      "]",
    ],
    [
      "second",
      "[",
      "qemu-nbd",
      "-f",
      "raw",
      "disk",
      "]",
      "[",
      "nbdkit",
      "file",
      "second",
      "]",
      "-v",
    ],
  ] as const) {
    writeFileSync(at(to), Buffer.alloc(DISK.length, 1));
    const copied = await start("sync", ...words);
    assert.equal(copied.code, EXIT.ok, copied.stderr);
    assertSame(readFileSync(at(to)), DISK, words.join(" "));
    const [, first = ""] = words.join(" ").split("[ ");
    assert.ok(!isServed(first.split(" ]")[0] ?? ""), "the server has ended");
  }
  const equal = await start("compare", "disk", "[", "nbdkit", "file", "copy", "]");
  assert.equal(equal.stdout.toString().split("\n")[0], "disk and [ nbdkit ... ] are equal");
  const differs = await start(
    "compare",
    "[",
    "nbdkit",
    "memory",
    "2M",
    "]",
    "[",
    "nbdkit",
    "memory",
    "2M",
    "]",
  );
  assert.equal(differs.code, 0, "two servers with the same command are two ends");
  assert.equal((await start("compare", "disk", "[", "nbdkit", "memory", "2M", "]")).code, 1);
  writeFileSync(at("["), DISK);
  assert.equal((await start("sync", "./[", "copy")).code, EXIT.ok, "a file named [");
  assert.equal((await start("checksum", "--root", "[")).code, EXIT.ok, "the same, for a stage");
});

test("a server here and a file on another host", { skip: lackingHosts || skip }, async (t) => {
  const { at } = ends(t);
  const words = ["sync", "[", "nbdkit", "file", at("disk"), "]", `one:${at("copy")}`];
  const copied = await run(words, { prefix: prefixHere(), env: environmentHere() });
  assert.equal(copied.code, EXIT.ok, copied.stderr);
  assertSame(readFileSync(at("copy")), DISK, "the copy");
});

/** Starts a server whose wrapper ends by this exit code when it is stopped. */
const WRAPPER = `trap "exit 7" TERM; sh -c 'LISTEN_PID=$$ exec nbdkit "$@"' sh file disk & wait`;

/** A server with a disk of 1 MiB. */
const SERVER = ["[", "nbdkit", "memory", "1M", "]"];

const FAILING: [code: number, says: RegExp, ...words: string[]][] = [
  [
    EXIT.busy,
    /cannot open \[ nowhere \]: .*; \[ nowhere \]: it ended by exit code 127: .*not found; start/,
    "[",
    "nowhere",
    "]",
    "copy",
  ],
  [EXIT.busy, /\[ true \]: it ended by exit code 0/, "[", "true", "]", "copy"],
  [
    EXIT.busy,
    /cannot open \[ sh .*; COMMAND must be an NBD server that serves .*LISTEN_FDS/,
    "disk",
    "[",
    "sh",
    "-c",
    "exec 3<&-; sleep 20",
    "]",
  ],
  [
    EXIT.busy,
    /it ended by exit code 3: \\x1b\[31mno/,
    "disk",
    "[",
    "sh",
    "-c",
    "printf '\\033[31mno\\n' >&2; exit 3",
    "]",
  ],
  [
    EXIT.busy,
    /cannot open \[ sh \.\.\. \]: .*; .* it ended by exit code 3/,
    "disk",
    "[",
    "sh",
    "-c",
    "exit $(($$ * 0 + 3))",
    "]",
  ],
  // It is not the process that LISTEN_PID names, so it goes to the background.
  [
    EXIT.busy,
    /it ended by exit code 0/,
    "[",
    "sh",
    "-c",
    "nbdkit -U $PWD/socket file disk; exit 0",
    "]",
    "copy",
  ],
  [
    EXIT.busy,
    /unknown parameter 'foo'/,
    "--verify=full",
    "disk",
    "[",
    "nbdkit",
    "memory",
    "2M",
    "foo=1",
    "]",
  ],
  [EXIT.usage, /size of an export is fixed/, "--truncate", "disk", ...SERVER],
  [EXIT.usage, /--create does not work with \[ nbdkit \.\.\. \]/, "--create", "disk", ...SERVER],
  [EXIT.usage, /has 2097152 bytes and the destination 1048576/, "disk", ...SERVER],
  [EXIT.usage, /`\]` is missing/, "disk", "[", "nbdkit", "memory", "1M"],
  [EXIT.usage, /begins with a program/, "disk", "[", "]"],
  [EXIT.usage, /begins with a program/, "disk", "[", "-x", "]"],
  [
    EXIT.usage,
    /on this host only, and root@host:\[ names another/,
    "disk",
    "root@host:[",
    "nbdkit",
    "]",
  ],
  [
    EXIT.usage,
    /first word `\]` has ended the command, as `\[ sh \.\.\. \]`, .* put .* into quotes/,
    "disk",
    "[",
    "sh",
    "-c",
    "[",
    "x",
    "]",
    "]",
  ],
  [EXIT.usage, /does not work with several destinations/, ...SERVER, "copy", "disk"],
  [
    EXIT.io,
    /all was done, but then \[ sh .*: it ended by exit code 7/,
    "[",
    "sh",
    "-c",
    WRAPPER,
    "]",
    "copy",
  ],
];

test("servers that fail, and what is refused", { skip }, async (t) => {
  const { cwd, isServed } = ends(t);
  for (const [code, says, ...words] of FAILING) {
    const outcome = await run(["sync", ...words], { cwd });
    assertFailed(outcome, code, "sync", says);
    assert.doesNotMatch(outcome.stderr, /\x1b|\/proc\//);
  }
  assertFailed(await run(["checksum", ...SERVER]), EXIT.usage, "checksum", /starts no server/);
  assert.ok(!isServed("nbdkit memory 1M"));
  await eventually(() => !isServed("socket file disk"), { what: "no server is left" });
});

test("no word of a command but its program is shown", { skip }, async (t) => {
  const { cwd, at } = ends(t);
  const served = ["[", "nbdkit", "--filter=log", "file", "disk", "logfile=hunter2", "]"];
  const metrics = ["--metrics", "run.prom"];
  const words: readonly (readonly string[])[] = [
    ["sync", "-v", ...metrics, ...served, "copy"],
    ["sync", "--json", ...served, "[", "nbdkit", "memory", "1", "]"],
    ["compare", "-v", "disk", ...served],
    ["compare", "--json", ...served, "copy"],
    ["sync", "[", "env", "TOKEN=hunter2", "nowhere", "]", "copy"],
    ["sync", ...served, "]"],
  ];
  for (const args of words) {
    const { stdout, stderr } = await run(args, { cwd });
    assert.doesNotMatch(stderr + stdout.toString(), /hunter2/, args.join(" "));
  }
  const told = readFileSync(at("run.prom"), "utf8");
  assert.ok(told.includes('source="[ nbdkit ... ]"') && !told.includes("hunter2"), told);
  const { stderr } = await run(["compare", ...served, "[", "nbdkit", "nowhere", "]"], { cwd });
  assert.match(stderr, /ERROR \(compare\): cannot open the second \[ nbdkit \.\.\. \]: .*nowhere/);
});

test("a folder for temporary files that does not exist is named", { skip }, async (t) => {
  const { cwd, at } = ends(t);
  const env = { ...process.env, TMPDIR: at("no-tmp") };
  const says = /cannot make a folder in the temporary folder .*no-tmp: no such .* set TMPDIR/;
  for (const words of [
    [...SERVER, "copy"],
    ["--create", "--destination-format=qcow2", "disk", "new.qcow2"],
  ])
    assertFailed(await run(["sync", ...words], { cwd, env }), EXIT.io, "sync", says);
  assert.ok(!existsSync(at("new.qcow2")));
});

test("a server ends with this program, and its own end is reported", { skip }, async (t) => {
  const { at, cwd, isServed } = ends(t);
  const words = ["sync", "--bwlimit=64K", "[", "nbdkit", "file", at("disk"), "]", "copy"];
  const [program = "", ...rest] = [...COMMAND, ...words];
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const child = spawn(program, rest, { stdio: "ignore", cwd });
    killAtEnd(t, child);
    await eventually(() => isServed(at("disk")), { what: "the server runs" });
    child.kill(signal);
    await eventually(() => !isServed(at("disk")), { what: `the server ends after ${signal}` });
  }
  const copying = run(words, { cwd });
  await eventually(() => isServed(at("disk")), { what: "the server runs" });
  system("pkill", "-KILL", "-x", "-f", `nbdkit file ${at("disk")}`);
  const outcome = await copying;
  // It was killed before the copy had connected, or after that.
  const code = outcome.code === EXIT.io ? EXIT.io : EXIT.busy;
  assertFailed(outcome, code, "sync", /\[ nbdkit \.\.\. \]: it ended by SIGKILL/);
});
