// After each moment the same command is run again: it has to end with equal bytes, and with nothing left over.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { readFileSync, writeFileSync } from "node:fs";
import { assertTrue } from "../support/files/cache.ts";
import { assertSame } from "../support/files/bytes.ts";
import { blockcopy, bash, quote } from "../support/programs/cli.ts";
import { allGone } from "./attempt.ts";
import { destinationsOf, type Pipeline, type Place } from "./pipeline.ts";
import { content } from "./contents.ts";
import { leftovers } from "./place.ts";
import { mayStay, start } from "./run.ts";

/** Runs the pipeline again, undisturbed; throws if that does not end with what was asked for. */
export async function assertConverges(pipeline: Pipeline, place: Place): Promise<void> {
  await rerun(pipeline, place);
  assertResult(pipeline, place, "source");
  const left = leftovers(place, pipeline).filter((name) => !name.startsWith("kept/"));
  assert.deepEqual(left, [], "left behind by the next run");
  if (pipeline.result === "delta") await assertDelta(pipeline, place);
  if (pipeline.isCached === true) await assertCache(pipeline, place);
}

async function rerun(pipeline: Pipeline, place: Place): Promise<void> {
  const run = start(pipeline, place);
  try {
    while (run.end() === undefined) {
      assert.ok(run.elapsed() < 120_000, "the next run hangs");
      await sleep(4);
    }
    const codes = pipeline.byHand ? run.codes() : [run.end()?.code];
    const text = run.stderr().join("");
    assert.ok(
      codes.every((code) => code === 0),
      `the next run fails: ${codes.join(" ")}\n${text}`,
    );
    await allGone(run, mayStay(pipeline));
  } finally {
    run.kill();
  }
}

function assertResult(pipeline: Pipeline, place: Place, what: "source" | "later"): void {
  const expected = pipeline.result === undefined ? what : "old";
  for (const path of destinationsOf(place, pipeline))
    assertSame(readFileSync(path), content(expected, pipeline.size), path);
}

/** Saves a delta, and compares. */
async function assertDelta({ size }: Pipeline, { delta, destination }: Place): Promise<void> {
  const saved = await bash(`${blockcopy("save", destination)} < ${quote([delta])}`);
  assert.equal(saved.code, 0, saved.stderr);
  assertSame(readFileSync(destination), content("source", size), "the destination of the delta");
}

/** Compares the digest cache with the destination, and copies another source with it: nothing would be sent for a block whose digest is a lie. */
async function assertCache(pipeline: Pipeline, place: Place): Promise<void> {
  await assertTrue(place.cache, place.destination, ["--digest", "blake3"]);
  writeFileSync(place.source, content("later", pipeline.size));
  await rerun(pipeline, place);
  assertResult(pipeline, place, "later");
}
