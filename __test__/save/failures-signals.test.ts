// Neighbours that die, signals, and standard descriptors that are not there.
import assert from "node:assert/strict";
import { read, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { assertFailed, bash, blockcopy, EXIT, lastLine, quote } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import {
  catchesSignals,
  hasOpened,
  makePipe,
  start,
  type End,
  type Running,
} from "../support/programs/pipe.ts";
import { dataFrame, DONE, restFrame } from "../support/wire/frames.ts";

/** A neighbour's death must be noticed within a second; five leave room for a busy host. */
const PROMPT_MS = 5000;

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = sleep(PROMPT_MS, undefined, { ref: false }).then(() =>
    assert.fail(`no ${what} within ${PROMPT_MS} ms`),
  );
  return Promise.race([promise, late]);
}

function endsPromptly(running: Running): Running["ended"] {
  return within(running.ended, "end");
}

/** Large enough that not even its hash stream fits into pipes; most of it is a hole. */
function largeFile(t: TestContext): string {
  const path = join(scratch(t), "large");
  writeFileSync(path, noise("large", 8 * 2 ** 20));
  truncateSync(path, 2 ** 36);
  return path;
}

/** A large file's `rest`: more than any pipe holds. */
const everything = quote(["printf", "rest\\0\\0\\0\\0\\0\\0\\0\\0done"]);

for (const reader of ["true", `head -c 1 > /dev/null`, `head -c ${3 * BLOCK} > /dev/null`]) {
  test(`the reader is \`${reader}\``, async (t) => {
    const path = largeFile(t);
    const checksum = await bash(
      `${blockcopy("checksum", path)} | ${reader}; exit "\${PIPESTATUS[0]}"`,
    );
    assert.equal(checksum.code, EXIT.readerGone, checksum.stderr);
    const retrieve = await bash(
      `${everything} | ${blockcopy("retrieve", path)} | ${reader}; exit "\${PIPESTATUS[1]}"`,
    );
    assert.equal(retrieve.code, EXIT.readerGone, retrieve.stderr);
    for (const { stderr } of [checksum, retrieve]) assert.doesNotMatch(stderr, /^\s+at /m);
  });
}

/** A stage that waits for input that does not come, with stdout on a pipe. */
interface Waiting {
  running: Running;
  input: End;
  output: End;
}

async function waiting(
  t: TestContext,
  stage: "checksum" | "retrieve" | "save",
  stdoutIsSocket = false,
): Promise<Waiting> {
  const path = join(scratch(t), "file");
  writeFileSync(path, noise("file", 2 * BLOCK));
  const [stdin, stdout] = [makePipe(t), makePipe(t)];
  const running = start(t, [stage, stage === "checksum" ? "-" : path], {
    stdin: stdin.reader.fd,
    stdout: stdoutIsSocket ? "pipe" : stdout.writer.fd,
  });
  stdin.reader.close();
  stdout.writer.close();
  await catchesSignals(running);
  if (stage !== "checksum") await hasOpened(running, path);
  return { running, input: stdin.writer, output: stdout.reader };
}

for (const stage of ["checksum", "retrieve"] as const) {
  test(`${stage} ends when its reader dies, though it has nothing to write`, async (t) => {
    const { running, output } = await waiting(t, stage);
    output.close();
    assert.deepEqual(
      await endsPromptly(running),
      { code: EXIT.readerGone, signal: null },
      running.stderr(),
    );
  });

  // sshd gives a remote command a socket.
  test(`${stage} ends when the reader at the other end of a socket dies`, async (t) => {
    const { running } = await waiting(t, stage, true);
    running.child.stdout?.destroy();
    assert.deepEqual(
      await endsPromptly(running),
      { code: EXIT.readerGone, signal: null },
      running.stderr(),
    );
  });
}

test("retrieve ends when its reader dies after a first block", async (t) => {
  const { running, input, output } = await waiting(t, "retrieve");
  writeSync(input.fd, restFrame(0));
  const { bytesRead } = await within(
    promisify(read)(output.fd, Buffer.alloc(1), 0, 1, null),
    "block",
  );
  assert.equal(bytesRead, 1);
  output.close();
  assert.deepEqual(
    await endsPromptly(running),
    { code: EXIT.readerGone, signal: null },
    running.stderr(),
  );
});

for (const [signal, code] of [
  ["SIGHUP", 129],
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  for (const stage of ["checksum", "retrieve", "save"] as const) {
    test(`${signal} ends ${stage} while it waits for input`, async (t) => {
      const { running } = await waiting(t, stage);
      running.child.kill(signal);
      assert.deepEqual(await endsPromptly(running), { code, signal: null }, running.stderr());
      assert.ok(lastLine(running.stderr()).startsWith(`ERROR (${stage}): `), running.stderr());
    });
  }
}

test("SIGTERM ends checksum and retrieve while their reader does not read", async (t) => {
  const path = largeFile(t);
  const [stdin, stdout] = [makePipe(t), makePipe(t)];
  writeSync(stdin.writer.fd, Buffer.concat([restFrame(0), DONE]));
  const stages = {
    checksum: start(t, ["checksum", path], { stdout: stdout.writer.fd }),
    retrieve: start(t, ["retrieve", path], { stdin: stdin.reader.fd, stdout: stdout.writer.fd }),
  };
  stdin.reader.close();
  stdout.writer.close();
  for (const [stage, running] of Object.entries(stages)) {
    await catchesSignals(running);
    await hasOpened(running, path);
    running.child.kill("SIGTERM");
    assert.deepEqual(await endsPromptly(running), { code: 143, signal: null }, running.stderr());
    assert.ok(lastLine(running.stderr()).startsWith(`ERROR (${stage}): `), running.stderr());
  }
});

test("stdin is closed", async (t) => {
  const path = join(scratch(t), "file");
  writeFileSync(path, "content");
  for (const stage of ["retrieve", "save"]) {
    assertFailed(
      await bash(`${blockcopy(stage, path)} <&- | cat; exit "\${PIPESTATUS[0]}"`),
      EXIT.io,
      stage,
      /standard input is closed/,
    );
  }
  assert.equal(readFileSync(path, "utf8"), "content");
});

// A descriptor that is free is what the next open gets: the stream or the error message must not end up on the disk.
test("stdout or stderr is closed, and the file stays as it is", async (t) => {
  const folder = scratch(t);
  const [path, input] = [join(folder, "file"), join(folder, "in")];
  const content = noise("closed", 2 * BLOCK);
  writeFileSync(path, content);
  writeFileSync(
    input,
    Buffer.concat([dataFrame(0, content.subarray(0, 100)), Buffer.from("what")]),
  );
  for (const closed of [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"]) {
    await bash(`${blockcopy("checksum", path)} ${closed}`);
    await bash(`${everything} | ${blockcopy("retrieve", path)} ${closed}`);
    const save = await bash(`${blockcopy("save", path)} < ${quote([input])} ${closed}`);
    const code = closed.startsWith("<&-") ? EXIT.io : EXIT.protocol;
    assert.equal(save.code, code, `save ${closed}: ${save.stderr}`);
    assert.ok(readFileSync(path).equals(content), `the file changed with ${closed}`);
  }
});
