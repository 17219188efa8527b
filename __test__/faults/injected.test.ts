// System calls of the program that fail, by strace: exact ends of the important ones, and a sample of the matrix of `npm run test:faults`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { scratch } from "../support/files/files.ts";
import { assertFailed, EXIT } from "../support/programs/cli.ts";
import { lackingTrace } from "../support/programs/tools.ts";
import { Bench, nameOf, random, type Row } from "../support/faults/matrix.ts";
import { SCENARIOS } from "../support/faults/scenarios.ts";

const skip = lackingTrace();

/** A call that fails, the exit code, and what the message says. */
type Exact = [row: string, code: number, message?: RegExp];

const EXACT: Exact[] = [
  [
    "sync: -P destination pwrite64:error=EIO:when=1+",
    EXIT.io,
    /cannot write destination at offset 131072: Input\/output error \(EIO\); check the disk/,
  ],
  [
    "sync: -P destination fdatasync:error=EIO:when=1",
    EXIT.io,
    /cannot sync destination: .*EIO.*not known to be on disk; do not trust the destination/,
  ],
  ["sync: -P destination pwrite64:error=EINTR:when=1", EXIT.ok],
  [
    "sync: -P destination pwrite64:error=EINVAL:when=1+",
    EXIT.io,
    /cannot write destination.*EINVAL/,
  ],
  ["sync: -P destination pwrite64:error=EINVAL:when=1", EXIT.ok],
  ["sync: -P source statx:error=ENOSYS:when=1+", EXIT.ok],
  [
    "sync: -P /proc/self/mountinfo newfstatat:error=EACCES:when=1+",
    EXIT.busy,
    /in use, because \/proc\/self\/mountinfo cannot be looked at: Permission denied \(EACCES\); find out .*--force/,
  ],
  ["sync: -P source fadvise64:error=EPERM:when=1+", EXIT.ok],
  [
    "sync-create: -P made close:error=EDQUOT:when=1",
    EXIT.io,
    /system call close failed: disk quota exceeded \(EDQUOT\); raise the quota/,
  ],
  ["sync-create: -P made fallocate:error=EOPNOTSUPP:when=1+", EXIT.ok],
  [
    "save-digests: -P cache pread64:error=EOPNOTSUPP:when=1",
    EXIT.io,
    /reading cache failed after 0 bytes: operation not supported \(EOPNOTSUPP\); /,
  ],
  [
    "retrieve: writev:error=EDQUOT:when=1+",
    EXIT.io,
    /writing the block stream failed after \d+ bytes: disk quota exceeded \(EDQUOT\); raise the quota/,
  ],
];

/** The row with this name. */
function rowOf(name: string): Row {
  const [, scenario, , path, call = "", error = "", when = ""] =
    /^([\w-]+): (-P (\S+) )?(\w+):error=(\w+):when=([\d+]+)$/.exec(name) ?? [];
  const found = SCENARIOS.find((one) => one.name === scenario);
  assert.ok(found, name);
  return { scenario: found, call, error, when, ...(path === undefined ? {} : { path }) };
}

test("exact ends of calls that fail", { skip }, async (t) => {
  const bench = new Bench(scratch(t));
  await bench.prepare();
  for (const [name, code, message] of EXACT) {
    const row = rowOf(name);
    assert.equal(nameOf(row), name);
    const tried = await bench.try(row);
    assert.deepEqual(tried.wrong, [], name);
    assert.ok(tried.hits > 0, `${name} was not reached`);
    assert.equal(tried.code, code, `${name}: ${tried.stderr}`);
    if (message !== undefined) assertFailed(tried, code, row.scenario.stage, message);
  }
});

test("a sample of all rows", { skip }, async (t) => {
  const seed = Number(process.env["BLOCKCOPY_FAULTS_SEED"] ?? 17);
  t.diagnostic(`BLOCKCOPY_FAULTS_SEED=${seed}`);
  const below = random(seed);
  const bench = new Bench(scratch(t));
  await bench.prepare();
  const scenario = SCENARIOS[below(SCENARIOS.length)];
  assert.ok(scenario);
  for (const row of (await bench.rows([scenario], 4, below)).slice(0, 10)) {
    const { wrong } = await bench.try(row);
    assert.deepEqual(wrong, [], `${nameOf(row)}, with BLOCKCOPY_FAULTS_SEED=${seed}`);
  }
});
