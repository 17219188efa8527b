// The command line: mistakes, offsets, options of several commands, and progress without a terminal.
import assert from "node:assert/strict";
import {
  chmodSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  lastLine,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { DONE, hashStream } from "../support/wire/frames.ts";

const content = noise("cli", 2 * BLOCK + 5);

function file(t: TestContext): string {
  const path = join(scratch(t), "file");
  writeFileSync(path, content);
  return path;
}

const mistakes: string[][] = [
  [],
  ["checksum"],
  ["retrieve"],
  ["save"],
  ["checksum", "a", "b"],
  ["checksum", "FILE", "--frobnicate"],
  ["retrieve", "FILE", "--start", "0"],
  ["save", "FILE", "--lzma"],
  ["checksum", "FILE", "--start", "--progress"],
];
for (const mistake of mistakes) {
  test(`a mistake in the command line: blockcopy ${mistake.join(" ")}`, async (t) => {
    const path = file(t);
    const outcome = await run(
      mistake.map((word) => (word === "FILE" ? path : word)),
      { stdin: DONE },
    );
    assert.equal(outcome.code, EXIT.usage, outcome.stderr);
    assert.equal(outcome.stdout.length, 0);
    assert.match(lastLine(outcome.stderr), /^ERROR \((blockcopy|checksum|retrieve|save)\): /);
    assert.doesNotMatch(outcome.stderr, /^\s+at .*:\d+:\d+/m);
    assert.ok(readFileSync(path).equals(content));
  });
}

test("--start 3s is 1536 bytes", async (t) => {
  const outcome = await run(["checksum", file(t), "--start=3s"]);
  assertSucceeded(outcome);
  assert.deepEqual(outcome.stdout, hashStream(content, { start: 1536 }));
});

test("--start and --end in large units reach into a large sparse file", async (t) => {
  const path = join(scratch(t), "sparse");
  writeFileSync(path, "");
  truncateSync(path, 2 ** 40);
  for (const [start, end, from] of [
    ["1GB", "1000001KB", 10 ** 9],
    ["1T", undefined, 2 ** 40],
  ] as const) {
    const outcome = await run([
      "checksum",
      path,
      "--start",
      start,
      ...(end === undefined ? [] : ["--end", end]),
    ]);
    assertSucceeded(outcome);
    if (end === undefined) assert.equal(outcome.stdout.subarray(0, 4).toString(), "rest");
    else assert.equal(Number(outcome.stdout.readBigUInt64BE(4)), from);
  }
});

// All that is an offset and all that is not are in offset.test.ts.
for (const option of ["--start=", "--end=99999T"])
  test(`not an offset: ${option}`, async (t) => {
    const outcome = await run(["checksum", file(t), option]);
    assert.equal(outcome.code, EXIT.usage, outcome.stderr);
    assert.equal(outcome.stdout.length, 0);
    assert.match(lastLine(outcome.stderr), /^ERROR \((blockcopy|checksum)\): /);
  });

test("an empty range, or one beyond the file", async (t) => {
  const path = file(t);
  const beyond = String(content.length + 1);
  for (const range of [
    ["--start", beyond],
    ["--end", beyond],
    ["--start", "2000", "--end", "1000"],
    ["--start", beyond, "--end", beyond],
  ]) {
    const outcome = await run(["checksum", path, ...range]);
    assertFailed(outcome, EXIT.usage, "checksum", /\d/);
    assert.equal(outcome.stdout.length, 0);
  }
});

test("a pipe: --start is a mistake, --end works, --end beyond it is an error after its frames", async () => {
  assertFailed(
    await run(["checksum", "-", "--start", "1"], { stdin: content }),
    EXIT.usage,
    "checksum",
    /--start/,
  );
  const within = await run(["checksum", "-", "--end", "131073"], { stdin: content });
  assertSucceeded(within);
  assert.deepEqual(within.stdout, hashStream(content, { end: 131_073 }));
  const beyond = await run(["checksum", "-", "--end", "300000"], { stdin: content });
  assertFailed(beyond, EXIT.usage, "checksum", /--end/);
  assert.deepEqual(beyond.stdout, hashStream(content, { rest: false }).subarray(0, -DONE.length));
});

for (const stage of ["retrieve", "save"]) {
  test(`${stage} takes no - and no /dev/stdin`, async () => {
    assertFailed(
      await run([stage, "-"], { stdin: DONE }),
      EXIT.usage,
      stage,
      /must be actual file or device, not `-`/,
    );
    assertFailed(
      await run([stage, "/dev/stdin"], { stdin: DONE }),
      EXIT.usage,
      stage,
      /\/dev\/stdin/,
    );
  });
}

test("-a copies times and permissions, -z is accepted", async (t) => {
  for (const command of ["sync", "save"]) {
    const [from, to] = [file(t), file(t)];
    chmodSync(from, 0o640);
    chmodSync(to, 0o600);
    utimesSync(from, 1_000_000, 2_000_000);
    const outcome =
      command === "sync"
        ? await run(["sync", "-az", from, to])
        : await bash(
            `${blockcopy("checksum", to)} | ${blockcopy("retrieve", from)} | ${blockcopy("save", "-a", to)}`,
          );
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    const { mode, mtimeMs } = statSync(to);
    assert.deepEqual([mode & 0o777, mtimeMs], [0o640, 2_000_000_000], command);
  }
});

test("BLOCKCOPY_WIRE takes 0.0.2 only", async (t) => {
  const path = file(t);
  assertSucceeded(await run(["checksum", path], { env: { BLOCKCOPY_WIRE: "0.0.2" } }));
  const outcome = await run(["checksum", path], { env: { BLOCKCOPY_WIRE: "0.0.3" } });
  assert.equal(outcome.code, EXIT.usage);
  assert.match(
    lastLine(outcome.stderr),
    /^ERROR \(\w+\): .*BLOCKCOPY_WIRE.*0\.0\.3|^ERROR \(\w+\): .*0\.0\.3.*BLOCKCOPY_WIRE/,
  );
});

test("-v before or after the command, or DEBUG, says more on stderr and changes nothing on stdout", async (t) => {
  const path = file(t);
  const runs = [
    run(["-v", "checksum", path]),
    run(["checksum", path, "--verbose"]),
    run(["checksum", path], { env: { DEBUG: "1" } }),
  ];
  for (const outcome of await Promise.all(runs)) {
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    assert.notEqual(outcome.stderr, "");
    assert.deepEqual(outcome.stdout, hashStream(content));
  }
  assertSucceeded(await run(["checksum", path], { env: { DEBUG: "" } }));
});

test("--progress off a terminal writes lines that only go up", async (t) => {
  const path = join(scratch(t), "file");
  writeFileSync(path, content);
  truncateSync(path, 64 * 2 ** 20);
  const { code, stderr } = await run(["checksum", path, "--progress"]);
  assert.equal(code, EXIT.ok);
  const lines = stderr.trimEnd().split("\n");
  assert.match(lines.pop() ?? "", /^Checksum done in \d+\.\d{3} seconds$/);
  const percents = lines.map((line) => {
    const found = /^Checksum progress: +\d+\.\d\d GB \/ +\d+\.\d\d GB \( *(\d+\.\d\d)%\)$/.exec(
      line,
    );
    assert.ok(found, line);
    return Number(found[1]);
  });
  assert.ok(percents.length > 0);
  assert.ok(
    percents.every((percent, i) => percent <= 100 && percent > (percents[i - 1] ?? 0)),
    percents.join(" "),
  );
});
