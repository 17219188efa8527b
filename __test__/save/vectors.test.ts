// The built program against the streams recorded from blockcopy 0.0.2: the same bytes, the same result on disk.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertFailed, assertSucceeded, EXIT, run, type Outcome } from "../support/programs/cli.ts";
import { BLOCK, scratch, sha256 } from "../support/files/files.ts";
import { cases, IMAGES, recorded, stdinOf, type Case } from "../support/wire/vectors.ts";
import { applyBlocks, decodeBlocks } from "../support/wire/frames.ts";

const env = { BLOCKCOPY_WIRE: "0.0.2" };

/** Cases in which `retrieve` must do better than what was recorded: `rest` in full-size frames, an empty destination filled. */
const BETTER = new Set(["shorter", "empty"]);

/** 0.0.2 says 1 for every failure; here a range beyond the file is the caller's mistake, the rest a bad stream. */
function assertEndedAs(outcome: Outcome, exit: number, stage: string): void {
  if (exit === 0) assertSucceeded(outcome);
  else assertFailed(outcome, stage === "checksum" ? EXIT.usage : EXIT.protocol, stage);
}

for (const { name, checksum, retrieve, save, ...files } of cases) {
  if (checksum !== undefined) {
    test(`${name}: checksum writes the recorded hash stream`, async () => {
      const outcome = await run(["checksum", ...checksum.args], {
        cwd: IMAGES,
        env,
        ...stdinOf(checksum),
      });
      assertEndedAs(outcome, checksum.exit, "checksum");
      assert.deepEqual(outcome.stdout, recorded(checksum.stdout));
    });
  }

  test(`${name}: retrieve answers the recorded hash stream`, async (t) => {
    const outcome = await run(["retrieve", ...retrieve.args], {
      cwd: IMAGES,
      env,
      ...stdinOf(retrieve),
    });
    if (BETTER.has(name)) {
      assertSucceeded(outcome);
      assertWholeSource(outcome.stdout, files);
    } else {
      assertEndedAs(outcome, retrieve.exit, "retrieve");
      assert.deepEqual(outcome.stdout, recorded(retrieve.stdout));
    }

    const result = await saved(scratch(t), files.destination, outcome.stdout);
    assertEndedAs(result.outcome, name === "empty" ? 0 : save.exit, "save");
    const expected = name === "empty" ? recorded(files.source) : undefined;
    assert.equal(result.content.length, expected?.length ?? save.result_size);
    assert.equal(
      sha256(result.content),
      expected === undefined ? save.result_sha256 : sha256(expected),
    );
  });

  test(`${name}: save does with the recorded block stream what 0.0.2 did`, async (t) => {
    const { outcome, content } = await saved(scratch(t), files.destination, recorded(save.stdin));
    assertEndedAs(outcome, save.exit, "save");
    assert.equal(content.length, save.result_size);
    assert.equal(sha256(content), save.result_sha256);
  });
}

async function saved(
  folder: string,
  destination: string,
  stream: Buffer,
): Promise<{ outcome: Outcome; content: Buffer }> {
  const path = join(folder, "destination");
  copyFileSync(join(IMAGES, destination), path);
  const outcome = await run(["save", path], { env, stdin: stream });
  return { outcome, content: readFileSync(path) };
}

function assertWholeSource(
  stream: Buffer,
  { source, destination }: Pick<Case, "source" | "destination">,
): void {
  const [whole, before] = [recorded(source), recorded(destination)];
  const { frames, done } = decodeBlocks(stream);
  assert.ok(done);
  assert.deepEqual(applyBlocks(before, frames), whole);
  const rest = frames.filter((frame) => frame.position >= before.length);
  const count = Math.ceil((whole.length - before.length) / BLOCK);
  assert.deepEqual(
    rest.map((frame) => frame.payload.length),
    Array.from({ length: count }, (_, i) =>
      Math.min(BLOCK, whole.length - before.length - i * BLOCK),
    ),
  );
}
