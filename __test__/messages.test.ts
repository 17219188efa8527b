// What people are told when nothing is to be copied: help that cannot be shown, and advice that fits.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bash, blockcopy, EXIT, lastLine, run } from "./support/cli.ts";
import { DONE } from "./support/wire.ts";

test("help that nobody reads, or that cannot be written, has its exit code", async () => {
  const gone = await bash(`sleep 1 | ${blockcopy("--help")} | true; exit "\${PIPESTATUS[1]}"`);
  assert.ok(gone.code === EXIT.readerGone || gone.code === EXIT.ok, gone.stderr);
  const full = await bash(`${blockcopy("--version")} > /dev/full`);
  assert.equal(full.code, EXIT.io);
  assert.match(lastLine(full.stderr), /^ERROR \(blockcopy\): .*ENOSPC/);
});

test("a missing file: advice that fits the stage", async () => {
  const advice: [args: string[], expected: RegExp, unexpected: RegExp][] = [
    [["retrieve", "/nowhere/disk"], /check the name$/, /truncate|create/],
    [["save", "/nowhere/disk"], /with --create/, /lsblk/],
    [["sync", "/nowhere/disk", "/nowhere/copy"], /check the name$/, /truncate|create/],
    [["sync", process.execPath, "/nowhere/copy"], /its folder .* with --create/, /lsblk/],
    [["checksum", "/dev/nowhere"], /lsblk/, /truncate|create/],
  ];
  for (const [args, expected, unexpected] of advice) {
    const { code, stderr } = await run(args, { stdin: DONE });
    assert.equal(code, EXIT.missing);
    assert.match(lastLine(stderr), expected);
    assert.doesNotMatch(stderr, unexpected);
  }
});
