// Stages that speak with others than those of their own kind, and stages that go away.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  quote,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, text } from "../support/files/files.ts";
import { makePipe, start } from "../support/programs/pipe.ts";
import { untilDone } from "../support/wire/trailer.ts";
import { hashStream, hello } from "../support/wire/frames.ts";

const SOURCE = Buffer.concat([text(1, 3 * BLOCK), Buffer.alloc(BLOCK), noise(1, BLOCK + 77)]);
const DESTINATION = Buffer.concat([
  noise(2, BLOCK),
  SOURCE.subarray(BLOCK, 4 * BLOCK),
  noise(2, 9),
]);

function files(t: TestContext): { source: string; destination: string } {
  const folder = scratch(t);
  const [source, destination] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(source, SOURCE);
  writeFileSync(destination, DESTINATION);
  return { source, destination };
}

test("a legacy stream is answered as blockcopy 0.0.2 answers it, whatever save can read", async (t) => {
  const { source, destination } = files(t);
  const plain = await run(["checksum", destination]);
  assertSame(plain.stdout, hashStream(DESTINATION));
  const answer = await run(["retrieve", source], { stdin: plain.stdout });
  assertSucceeded(answer);
  assert.equal(answer.stdout.toString("latin1", 0, 4), "data");
  assertSucceeded(await run(["save", destination], { stdin: untilDone(answer.stdout) }));
  assertSame(readFileSync(destination), SOURCE);
});

test("a hello that does not say what it accepts is answered with the frames of blockcopy 0.0.2", async (t) => {
  const { source, destination } = files(t);
  const stdin = Buffer.concat([hello("sha3-512"), hashStream(DESTINATION)]);
  for (const options of [[], ["--lzma"], ["--compress", "auto"]]) {
    const answer = await run(["retrieve", source, ...options], { stdin });
    assertSucceeded(answer);
    assert.match(answer.stdout.toString("latin1", 0, 4), /data|dlzm/);
    writeFileSync(destination, DESTINATION);
    assertSucceeded(await run(["save", destination], { stdin: answer.stdout }));
    assertSame(readFileSync(destination), SOURCE);
  }
});

test("an extended stream in the wrong place is named", async (t) => {
  const { source, destination } = files(t);
  const hashes = await run(["checksum", "--extended", destination]);
  const blocks = await run(["retrieve", source], { stdin: hashes.stdout });
  const saved = await run(["save", destination], { stdin: hashes.stdout });
  assertFailed(
    saved,
    EXIT.protocol,
    "save",
    /`helo` frame of a hash stream/,
    /put the stages in order/,
  );
  const again = await run(["retrieve", source], { stdin: blocks.stdout });
  assertFailed(
    again,
    EXIT.protocol,
    "retrieve",
    /`head` frame of a block stream/,
    /put the stages in order/,
  );
  assertSame(readFileSync(destination), DESTINATION);
});

const STAGES = ["checksum", "retrieve", "save"] as const;
for (const victim of STAGES)
  test(`all end when ${victim} is killed in the middle of an extended copy`, async (t) => {
    const folder = scratch(t);
    const path = (name: string): string => join(folder, name);
    writeFileSync(path("source"), "");
    writeFileSync(path("destination"), noise(5, 100));
    // The destination comes through a pipe that stays open: nothing ends by itself.
    const input = makePipe(t);
    const [hashes, blocks] = [makePipe(t), makePipe(t)];
    const running = {
      checksum: start(t, ["checksum", "--extended", "-"], {
        stdin: input.reader.fd,
        stdout: hashes.writer.fd,
      }),
      retrieve: start(t, ["retrieve", path("source"), "--compress", "auto"], {
        stdin: hashes.reader.fd,
        stdout: blocks.writer.fd,
      }),
      save: start(t, ["save", path("destination")], { stdin: blocks.reader.fd }),
    };
    for (const pipe of [hashes, blocks]) {
      pipe.reader.close();
      pipe.writer.close();
    }
    await sleep(1000);
    process.kill(running[victim].pid, "SIGKILL");
    const ended = await Promise.all(STAGES.map((stage) => running[stage].ended));
    for (const [index, { code, signal }] of ended.entries())
      if (STAGES[index] === victim) assert.equal(signal, "SIGKILL");
      else
        assert.notEqual(code, 0, `${STAGES[index]}: ${running[STAGES[index] ?? victim].stderr()}`);
    assertSame(readFileSync(path("destination")), noise(5, 100));
  });

test("a reader that takes some of the stream and goes away ends the stages before it", async (t) => {
  const { destination } = files(t);
  const source = join(scratch(t), "source");
  writeFileSync(source, noise(9, 40 * BLOCK));
  const stages = [
    blockcopy("checksum", "--extended", destination),
    blockcopy("retrieve", source),
    `head -c 1000 > ${quote(["/dev/null"])}`,
  ];
  const { stdout } = await bash(`${stages.join(" | ")}; echo "\${PIPESTATUS[@]}"`);
  const codes = stdout.toString().trim().split(" ").map(Number);
  assert.equal(codes[1], EXIT.readerGone);
  assert.ok(
    [EXIT.ok, EXIT.readerGone].some((code) => code === codes[0]),
    codes.join(),
  );
});
