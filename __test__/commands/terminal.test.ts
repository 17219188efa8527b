// Stages on a terminal: they refuse to write binary data to it or to read from it, and draw their progress there.
import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { blockcopy, EXIT, quote } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { onTerminal } from "../support/programs/terminal.ts";
import { lacking } from "../support/programs/tools.ts";
import { hashStream } from "../support/wire/frames.ts";

const skip = lacking("script");
const content = noise("terminal", 2 * BLOCK + 5);

function file(t: TestContext): string {
  const path = join(scratch(t), "file");
  writeFileSync(path, content);
  return path;
}

test("stdout is a terminal", { skip }, async (t) => {
  const path = file(t);
  const checksum = await onTerminal(blockcopy("checksum", path));
  assert.equal(checksum.code, EXIT.usage);
  assert.match(
    checksum.stdout.toString(),
    /ERROR \(checksum\): hash_output_stream is a tty - will not write binary data to terminal/,
  );
  const retrieve = await onTerminal(`printf done | ${blockcopy("retrieve", path)}`);
  assert.equal(retrieve.code, EXIT.usage);
  assert.match(
    retrieve.stdout.toString(),
    /ERROR \(retrieve\): block_output_stream is a tty - will not write binary data to terminal/,
  );
});

test("stdin is a terminal", { skip }, async (t) => {
  const path = file(t);
  for (const stage of ["retrieve", "save"]) {
    const outcome = await onTerminal(`${blockcopy(stage, path)} > /dev/null`);
    assert.equal(outcome.code, EXIT.usage, outcome.stdout.toString());
    assert.match(outcome.stdout.toString(), new RegExp(`ERROR \\(${stage}\\): .*(tty|terminal)`));
  }
  const inspect = await onTerminal(blockcopy("inspect"));
  assert.equal(inspect.code, EXIT.usage);
  assert.match(inspect.stdout.toString(), /ERROR \(inspect\): input_stream is a tty/);
  assert.ok(readFileSync(path).equals(content));
});

test("on a terminal progress is a live line, and the stream stays clean", { skip }, async (t) => {
  const path = file(t);
  truncateSync(path, 256 * 2 ** 20);
  const out = `${path}.hashes`;
  const outcome = await onTerminal(
    `${blockcopy("checksum", path, "--progress")} > ${quote([out])}`,
  );
  assert.equal(outcome.code, EXIT.ok, outcome.stdout.toString());
  // An escape sequence: the line is drawn over again, not written line by line.
  assert.match(outcome.stdout.toString(), /\x1b\[/);
  const drawn = outcome.stdout.toString();
  const lastHidden = drawn.lastIndexOf("\x1b[?25l");
  assert.ok(lastHidden <= drawn.lastIndexOf("\x1b[?25h"), "the cursor is shown again");
  assert.deepEqual(readFileSync(out), hashStream(readFileSync(path)));
});
