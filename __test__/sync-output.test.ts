// What sync tells of itself: nothing unless asked, progress, details, and what came of it.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "./support/bytes.ts";
import { assertSucceeded, bash, blockcopy, EXIT, quote, run } from "./support/cli.ts";
import { BLOCK, noise, scratch } from "./support/files.ts";
import { lacking } from "./support/tools.ts";

const content = noise("content", 96 * BLOCK + 1000);

/** Two files of which the blocks of the given numbers differ, of 97. */
function differing(t: TestContext, ...blocks: number[]): [from: string, to: string] {
  const folder = scratch(t);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  const other = Buffer.from(content);
  for (const block of blocks) other[block * BLOCK] = (other[block * BLOCK] ?? 0) ^ 1;
  writeFileSync(from, content);
  writeFileSync(to, other);
  return [from, to];
}

const outcomes: [blocks: number[], outcome: string][] = [
  [[], "nothing differed"],
  [[1, 2, 40], "3 blocks (384.00 KiB) differed and were replaced"],
  [[0, 96], "2 blocks (128.98 KiB) differed and were replaced"],
];
for (const [blocks, outcome] of outcomes) {
  test(outcome, async (t) => {
    const quiet = await run(["sync", ...differing(t, ...blocks)]);
    assertSucceeded(quiet);
    assert.equal(quiet.stdout.length, 0);

    const { code, stdout, stderr } = await run(["sync", ...differing(t, ...blocks), "--progress"]);
    assert.equal(code, EXIT.ok, stderr);
    assert.equal(stdout.length, 0);
    const lines = stderr.trimEnd().split("\n");
    const last = /^Sync done in \d+\.\d{3} seconds: (.*)$/.exec(lines.pop() ?? "");
    assert.equal(last?.[1], outcome);
    const percents = lines.map((line) => {
      const found = /^Sync progress: +\d+\.\d\d GB \/ +\d+\.\d\d GB \( *(\d+\.\d\d)%\)$/.exec(line);
      return Number(found?.[1]);
    });
    assert.ok(percents.length > 1, stderr);
    assert.ok(
      percents.every((percent, i) => percent <= 100 && percent > (percents[i - 1] ?? 0)),
      stderr,
    );
  });
}

test("-v before or after the command, or DEBUG, says what is read and written", async (t) => {
  const variants: [args: string[], env?: Record<string, string>][] = [
    [["-v", "sync"]],
    [["sync", "-v"]],
    [["sync"], { DEBUG: "1" }],
  ];
  for (const [args, env] of variants) {
    const [from, to] = differing(t, 7);
    const { code, stdout, stderr } = await run(
      [...args, from, to],
      env === undefined ? {} : { env },
    );
    assert.equal(code, EXIT.ok);
    assert.equal(stdout.length, 0);
    const lines = stderr.trimEnd().split("\n");
    assert.ok(
      lines.every((line) => line.startsWith("blockcopy sync: ")),
      stderr,
    );
    for (const path of [from, to])
      assert.ok(lines.some((line) => line.includes(`${path}: ${content.length} bytes, `)));
    assert.match(lines.at(-1) ?? "", /done: 1 blocks? \(128\.00 KiB\) differed and w/);
  }
});

test(
  "on a terminal there is a summary, and nothing is refused",
  { skip: lacking("script") },
  async (t) => {
    const [from, to] = differing(t, 3, 4);
    const command = quote([blockcopy("sync", from, to)]);
    const { code, stdout } = await bash(`TERM=xterm script -qec ${command} /dev/null < /dev/null`);
    assert.equal(code, EXIT.ok, stdout.toString());
    const size = (content.length / 2 ** 20).toFixed(2);
    const summary = `✔ Sync  ${size} MiB compared in \\d+\\.\\d s: 2 blocks \\(256\\.00 KiB\\) differed`;
    assert.match(stdout.toString(), new RegExp(summary));
    assertSame(readFileSync(to), content);
  },
);

test("a failure takes back no progress and has the last word", async (t) => {
  const [from, to] = differing(t);
  writeFileSync(to, "short");
  const { code, stderr } = await run(["sync", "-v", "--progress", from, to]);
  assert.equal(code, EXIT.usage);
  assert.match(stderr.trimEnd().split("\n").at(-1) ?? "", /^ERROR \(sync\): /);
  assert.doesNotMatch(stderr, /done/);
});
