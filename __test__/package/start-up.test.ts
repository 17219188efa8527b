// The launcher: the environment, and the ways to call the program.
import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { explainStart } from "../../src/cli/start-failure.ts";
import { LEAST_FILES, NODE_VARIABLES } from "../../src/native/node-start.ts";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  COMMAND,
  execute,
  EXIT,
  isSingle,
  PROJECT,
  quote,
} from "../support/programs/cli.ts";
import { scratch } from "../support/files/files.ts";
import { pair, unlike } from "../support/programs/sync-pair.ts";
import { lackingRoot } from "../support/programs/tools.ts";

const [PROGRAM = ""] = COMMAND;

test("a closed standard output is an error for what would go there, and for nothing else", async (t) => {
  const { from, to } = pair(t);
  for (const { args, code } of [
    { args: ["checksum", from], code: EXIT.io },
    { args: ["checksum", "--root", from], code: EXIT.io },
    { args: ["--version"], code: EXIT.io },
    { args: ["completion", "bash"], code: EXIT.io },
    { args: ["help"], code: EXIT.io },
    { args: ["sync", "--json", from, to], code: EXIT.io },
    { args: ["sync", "-n", from, to], code: EXIT.io },
    { args: ["sync", from, to], code: EXIT.ok },
  ]) {
    const outcome = await bash(`${blockcopy(...args)} >&-`);
    assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}`);
  }
});

test("a closed standard input is an error for what would read it, and for nothing else", async (t) => {
  const { from, to } = pair(t);
  const before = readFileSync(to);
  for (const args of [
    ["checksum", "--root", "-"],
    ["checksum", "/dev/stdin"],
    ["checksum", "--ranges", "-", from],
    ["inspect"],
    ["retrieve", from],
    ["save", to],
    ["receive", to],
    ["sync", "--ranges", "-", from, to],
    ["sync", "--destinations", "-", from],
    ["compare", "--ranges", "-", from, to],
  ]) {
    const outcome = await bash(`${blockcopy(...args)} <&- | cat; exit "\${PIPESTATUS[0]}"`);
    assert.equal(outcome.code, EXIT.io, `${args.join(" ")}: ${outcome.stderr}`);
    assert.match(outcome.stderr, /cannot read .*: standard input is closed/);
    assert.deepEqual(outcome.stdout, Buffer.alloc(0), args.join(" "));
  }
  assert.ok(readFileSync(to).equals(before));
  assertSucceeded(await bash(`${blockcopy("checksum", "--root", from)} <&-`));
  assertSucceeded(await bash(`${blockcopy("checksum", "--root", "-")} < /dev/null`));
});

for (const value of ["0", "1", "junk"])
  test(`a copy succeeds with UV_THREADPOOL_SIZE=${value}`, async (t) => {
    const { from, to } = unlike(t, 80);
    const env = { UV_THREADPOOL_SIZE: value };
    assertSucceeded(await execute([...COMMAND, "sync", "--verify=written", from, to], { env }));
    assert.ok(readFileSync(to).equals(readFileSync(from)));
    const main = [process.execPath, join(PROJECT, "dist/cli/main.js")];
    assertFailed(
      await execute([...main, "sync", from, to], { env }),
      EXIT.busy,
      "blockcopy",
      /UV_THREADPOOL_SIZE/,
    );
  });

test("no variable of Node's gets through, and what connects has them all as they were", async (t) => {
  const { folder, from, to } = pair(t);
  const evil = join(folder, "evil.cjs");
  writeFileSync(
    evil,
    `require("node:fs").writeFileSync(${JSON.stringify(join(folder, "ran"))}, "")`,
  );
  const rsh = join(folder, "rsh");
  writeFileSync(
    rsh,
    `#!/bin/sh\nenv -0 > ${quote([join(folder, "env")])}\nshift\nexec sh -c "$*"\n`,
  );
  chmodSync(rsh, 0o755);
  const given = {
    NODE_OPTIONS: `--require=${evil}`,
    NODE_EXTRA_CA_CERTS: "/nowhere\nOPENSSL_CONF=b \"'$(touch x)`",
    NODE_REDIRECT_WARNINGS: join(folder, "warnings"),
    NODE_V8_COVERAGE: join(folder, "coverage"),
    NODE_DEBUG: "fs",
    OPENSSL_CONF: "/nowhere/openssl.cnf",
    UV_THREADPOOL_SIZE: "1",
  };
  // The stage of the far end has a cleaned environment too: the launcher there is the same.
  const far = quote(["env", "-u", "NODE_OPTIONS", ...COMMAND]);
  const args = ["sync", "-q", "-e", rsh, "--remote-command", far, from, `one:${to}`];
  const env = { ...given, BLOCKCOPY_SINGLE_FOLDER: undefined };
  const outcome = await execute([...COMMAND, ...args], { env });
  assert.equal(outcome.stderr, "");
  assert.equal(outcome.code, EXIT.ok);
  assert.ok(!existsSync(join(folder, "ran")), "code of another user has run");
  assert.ok(!existsSync(join(folder, "coverage")));
  const seen = new Map(
    readFileSync(join(folder, "env"), "utf8")
      .split("\0")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  for (const [name, value] of Object.entries(given)) assert.equal(seen.get(name), value, name);
  assert.deepEqual(
    [...seen.keys()].filter((name) => name.startsWith("BLOCKCOPY_")),
    [],
  );
});

test("the launcher knows all variables that Node says it looks at", async () => {
  const { stdout } = await execute([process.execPath, "--help"]);
  const [, section = ""] = stdout.toString().split("Environment variables:");
  const named = Array.from(section.matchAll(/^([A-Z][A-Z0-9_]{3,})/gm), ([, name = ""]) => name);
  assert.ok(named.includes("NODE_OPTIONS") || named.includes("NODE_PATH"), named.join());
  const harmless = ["FORCE_COLOR", "NO_COLOR"];
  const known: readonly string[] = NODE_VARIABLES;
  assert.deepEqual(
    named.filter((name) => !known.includes(name) && !harmless.includes(name)),
    [],
  );
});

test(
  "the program is found through links, by any shell, in any folder",
  { skip: isSingle },
  async (t) => {
    const folder = scratch(t);
    symlinkSync(PROGRAM, join(folder, "absolute"));
    symlinkSync("absolute", join(folder, "a b"));
    const node = dirname(process.execPath);
    const name = quote(["a b"]);
    for (const script of [
      `./${name} --version`,
      `PATH=.:$PATH; ${name} --version`,
      `sh ${name} --version`,
    ]) {
      assertSucceeded(
        await bash(`PATH=${quote([node])}:/usr/bin:/bin; ${script}`, { cwd: folder }),
      );
    }
  },
);

test(
  "an installation that is broken, or may not be read, is no fault of the program",
  { skip: isSingle },
  async (t) => {
    const whole = dirname(PROGRAM);
    const part = readdirSync(whole).find((name) => name.startsWith("run-"));
    assert.ok(part !== undefined);
    for (const [harm, pattern] of [
      [
        (path: string) => rmSync(path),
        /Cannot find module.*; run it again, .* install blockcopy again$/,
      ],
      [(path: string) => truncateSync(path, 1000), /SyntaxError.*; install blockcopy again$/],
    ] as const) {
      const copy = join(scratch(t), "cli");
      cpSync(whole, copy, { recursive: true });
      harm(join(copy, part));
      const outcome = await execute([join(copy, "blockcopy"), "--version"]);
      assertFailed(
        outcome,
        EXIT.busy,
        "blockcopy",
        /^ERROR \(blockcopy\): cannot start: /,
        pattern,
      );
    }
    for (const [code, advice] of [
      ["EACCES", /namei -l/],
      ["ENOMEM", /ulimit -v/],
      ["ENOSPC", /make room/],
      ["EMFILE", /ulimit -n/],
      ["EIO", /smartctl/],
      ["ENOEXEC", /install blockcopy again/],
    ] as const) {
      const failure = explainStart(
        Object.assign(new Error(`${code}: it failed, open 'x'`), { code }),
      );
      assert.equal(failure.code, EXIT.busy);
      assert.match(failure.text, advice);
      assert.match(failure.text, new RegExp(code));
    }
    const unnamed = "Unknown system error -74";
    const damaged = Object.assign(new Error(`${unnamed}: ${unnamed}, read`), { code: unnamed });
    const failure = explainStart(damaged);
    assert.equal(failure.code, EXIT.busy);
    assert.match(failure.text, /bad message \(EBADMSG\), read; check the disk/);
    assert.equal(explainStart(new TypeError("x is not a function")).code, EXIT.internal);
    assert.equal(explainStart(undefined).code, EXIT.internal);
  },
);

test(
  "a part that an upgrade has removed ends a copy before the first write, and is no fault of the program",
  { skip: isSingle },
  async (t) => {
    const { from, to } = unlike(t, 8);
    const before = readFileSync(to);
    const folder = scratch(t);
    const folders = ["node_modules", "npm", "package.json"];
    for (const name of folders) symlinkSync(join(PROJECT, name), join(folder, name));
    cpSync(join(PROJECT, "dist"), join(folder, "dist"), { recursive: true });
    const cli = join(folder, "dist/cli");
    // Each is loaded only for such a copy, the second one at its end.
    for (const beginning of ["send-parts-", "verify-parts-"]) {
      const part = readdirSync(cli).find((name) => name.startsWith(beginning));
      assert.ok(part !== undefined);
      renameSync(join(cli, part), join(folder, part));
      const args = ["sync", "--streams", "2", "--verify", "full", from, to];
      const outcome = await execute([join(cli, "blockcopy"), ...args]);
      const why = new RegExp(
        `a part of blockcopy is missing: .*${beginning}.* run the same command`,
      );
      assertFailed(outcome, EXIT.busy, "sync", why);
      assert.ok(readFileSync(to).equals(before));
      renameSync(join(folder, part), join(cli, part));
    }
  },
);

test("without Node it says so", { skip: isSingle }, async () => {
  const outcome = await bash(`PATH=/nowhere ${blockcopy("--version")}`);
  assertFailed(outcome, EXIT.busy, "blockcopy", /no Node in the PATH \(\/nowhere\)/);
});

test("with too few descriptors for Node it says so", async () => {
  for (const limit of [13, LEAST_FILES - 1]) {
    const outcome = await bash(`ulimit -n ${limit}; exec ${blockcopy("--version")}`);
    assertFailed(outcome, EXIT.busy, "blockcopy", /fewer than 32 files .*`ulimit -n`/);
  }
  // Node raises the soft limit.
  for (const limits of [`ulimit -n ${LEAST_FILES}`, "ulimit -S -n 20"])
    assertSucceeded(await bash(`${limits}; exec ${blockcopy("--version")}`));
});

test(
  "where Node would wait forever for a thread it says so",
  { skip: isSingle || lackingRoot("setpriv") },
  async () => {
    // The limit is on the threads of a user, and not on root. No other process has this user, who need not find the file.
    const user = ["setpriv", "--reuid=64999", "--clear-groups"];
    const limited = quote([...user, "bash", "-c", "ulimit -u 4; exec sh -s -- --version"]);
    const outcome = await bash(`exec ${limited} < ${quote(COMMAND)}`);
    assertFailed(outcome, EXIT.busy, "blockcopy", /fewer than 5 more processes .*TasksMax/);
  },
);
