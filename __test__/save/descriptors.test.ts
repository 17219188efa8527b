// Standard descriptors in the states in which shells, ssh and supervisors leave them: non-blocking, slow, shared.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSucceeded, bash, blockcopy, quote } from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { untilDone } from "../support/wire/trailer.ts";
import { lacking } from "../support/programs/tools.ts";
import { dataFrame, decodeBlocks, DONE, hashStream } from "../support/wire/frames.ts";

// Several times what a pipe holds, even one grown to 1 MiB.
const content = noise("descriptors", 5_000_001);
const skip = lacking("python3");

interface Files {
  folder: string;
  file: string;
  /** A block stream that carries all of `file`. */
  blocks: string;
  /** A hash stream to which the answer is all of `file`. */
  hashes: string;
}

const blockStream = Buffer.concat([
  ...Array.from({ length: Math.ceil(content.length / 131_072) }, (_, i) =>
    dataFrame(i * 131_072, content.subarray(i * 131_072, (i + 1) * 131_072)),
  ),
  DONE,
]);

function files(t: TestContext): Files {
  const folder = scratch(t);
  const [file, blocks, hashes] = ["file", "blocks", "hashes"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(file, content);
  writeFileSync(blocks, blockStream);
  writeFileSync(hashes, hashStream(Buffer.alloc(content.length, 1)));
  return { folder, file, blocks, hashes };
}

/** Runs a command with O_NONBLOCK set on its stdin and stdout, as a parent that shares them may do. */
function nonBlocking(command: string): string {
  const script =
    'import os, sys; [os.set_blocking(fd, False) for fd in (0, 1)]; os.execvp("sh", ["sh", "-c", sys.argv[1]])';
  return quote(["python3", "-c", script, command]);
}

/** Passes its input on in dribs and drabs: odd sizes, with pauses. */
const slowly = quote([
  "python3",
  "-c",
  "import os, time\nn = 0\nwhile True:\n  data = os.read(0, 65537 if n > 5 else 1009)\n  if not data: break\n  os.write(1, data)\n  n += 1\n  if n < 20: time.sleep(0.02)",
]);

const inherit = (command: string): string => command;

for (const [state, prepared] of [
  ["blocking", inherit],
  ["non-blocking", nonBlocking],
] as const) {
  test(`${state} pipes, a slow writer and a slow reader: checksum`, { skip }, async (t) => {
    const { file } = files(t);
    const outcome = await bash(
      `cat ${file} | ${slowly} | ${prepared(blockcopy("checksum", "-"))} | ${slowly}; exit "\${PIPESTATUS[2]}"`,
    );
    assertSucceeded(outcome);
    assert.deepEqual(outcome.stdout, hashStream(content, { rest: false }));
  });

  test(`${state} pipes, a slow writer and a slow reader: retrieve`, { skip }, async (t) => {
    const { file, hashes } = files(t);
    const outcome = await bash(
      `cat ${hashes} | ${slowly} | ${prepared(blockcopy("retrieve", file))} | ${slowly}; exit "\${PIPESTATUS[2]}"`,
    );
    assertSucceeded(outcome);
    assert.ok(untilDone(outcome.stdout).equals(blockStream));
  });

  test(`${state} pipes and a slow writer: save`, { skip }, async (t) => {
    const { folder, blocks } = files(t);
    const path = join(folder, "destination");
    writeFileSync(path, "");
    const outcome = await bash(
      `cat ${blocks} | ${slowly} | ${prepared(blockcopy("save", path))} | cat; exit "\${PIPESTATUS[2]}"`,
    );
    assertSucceeded(outcome);
    assert.ok(readFileSync(path).equals(content));
  });
}

test("a reader that starts late loses nothing", async (t) => {
  const { file, hashes } = files(t);
  const outcome = await bash(
    `${nonBlocking(blockcopy("retrieve", file))} < ${hashes} | (sleep 1; cat); exit "\${PIPESTATUS[0]}"`,
  );
  assertSucceeded(outcome);
  assert.ok(untilDone(outcome.stdout).equals(blockStream));
});

test(
  "someone keeps setting O_NONBLOCK on the shared descriptors while the stage runs",
  { skip },
  async (t) => {
    const { file, hashes } = files(t);
    const meddler = quote([
      "python3",
      "-c",
      "import os, time\nwhile os.getppid() != 1:\n  os.set_blocking(3, False); os.set_blocking(4, False); time.sleep(0.001)",
    ]);
    const stage = `exec 3<&0 4>&1; ${meddler} & ${blockcopy("retrieve", file)}; code=$?; kill $!; exit $code`;
    const outcome = await bash(
      `cat ${hashes} | ${slowly} | bash -c ${quote([stage])} | ${slowly}; exit "\${PIPESTATUS[2]}"`,
    );
    assertSucceeded(outcome);
    assert.ok(untilDone(outcome.stdout).equals(blockStream));
  },
);

test("stdout shared with a sibling that writes after it", async (t) => {
  const { file, hashes } = files(t);
  // `cat` knows nothing of EAGAIN: it fails when the stage leaves the pipe non-blocking.
  const group = `{ BLOCKCOPY_WIRE=0.0.2 ${blockcopy("retrieve", file)} < ${hashes} && cat ${file} && ${blockcopy("checksum", file)}; }`;
  const outcome = await bash(`set -o pipefail; ${group} | (sleep 0.5; cat)`);
  assertSucceeded(outcome);
  assert.ok(outcome.stdout.equals(Buffer.concat([blockStream, content, hashStream(content)])));
});

test("retrieve answers each hash while the stream stays open", { skip }, async (t) => {
  const { file } = files(t);
  // Sends one hash and waits for its block before it sends the next: a stage that waits for a full batch deadlocks.
  const script = `
import os, subprocess, sys
p = subprocess.Popen(sys.argv[1], shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
def exactly(n):
  data = b""
  while len(data) < n:
    part = os.read(p.stdout.fileno(), n - len(data))
    if not part: raise SystemExit("the block stream ended early")
    data += part
  return data
for i in range(3):
  p.stdin.write(b"Hash" + (i * 131072).to_bytes(8, "big") + (131072).to_bytes(4, "big") + bytes(64))
  sys.stdout.buffer.write(exactly(16 + 131072))
p.stdin.write(b"done")
sys.stdout.buffer.write(exactly(4))
raise SystemExit(p.wait())
`;
  const outcome = await bash(quote(["python3", "-c", script, blockcopy("retrieve", file)]));
  assertSucceeded(outcome);
  const { frames, done } = decodeBlocks(outcome.stdout);
  assert.ok(done);
  assert.ok(
    Buffer.concat(frames.map((frame) => frame.payload)).equals(content.subarray(0, 3 * 131_072)),
  );
});
