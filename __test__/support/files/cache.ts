// A destination whose digests are kept in a file, night after night.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  assertSucceeded,
  bash,
  blockcopy,
  pipeline,
  quote,
  type Copy,
  type PipelineOutcome,
} from "../programs/cli.ts";

/** A copy whose digests are kept in the file `cache`. */
export interface Kept extends Copy {
  cache: string;
}

/** Runs the three stages once, with what is kept. */
export function night({
  cache,
  checksum = [],
  save = [],
  ...copy
}: Kept): Promise<PipelineOutcome> {
  return pipeline({
    ...copy,
    checksum: ["--extended", "--cached", cache, ...checksum],
    save: ["--update-digests", cache, ...save],
  });
}

/** Asserts that a night succeeded; the first one says that there is nothing to begin with. */
export function assertNight(outcome: PipelineOutcome, first = false): void {
  const [warning, ...rest] = outcome.stderr;
  assert.deepEqual(outcome.codes, [0, 0, 0], outcome.stderr.join(""));
  assert.deepEqual(rest, ["", ""]);
  if (first)
    assert.match(warning ?? "", /^WARNING \(checksum\): .* does not exist: reading all of .*\n$/);
  else assert.equal(warning, "");
}

/** The output of `checksum --extended` into a file: a digest cache must be that, byte for byte. */
export async function hashes(path: string, options: readonly string[] = []): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-hashes-"));
  try {
    const output = join(folder, "hashes");
    const command = blockcopy("checksum", "--extended", ...options, path);
    assertSucceeded(await bash(`${command} > ${quote([output])}`));
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Asserts that what is kept is the truth. */
export async function assertTrue(
  cache: string,
  destination: string,
  options: readonly string[] = [],
  what = "",
): Promise<void> {
  const expected = await hashes(destination, options);
  assert.ok(readFileSync(cache).equals(expected), `what is kept is not true: ${what}`);
}

/** As {@link assertTrue}, but there may be nothing; says whether there is. */
export async function assertNoLie(
  cache: string,
  destination: string,
  options: readonly string[] = [],
  what = "",
): Promise<boolean> {
  if (!existsSync(cache)) return false;
  await assertTrue(cache, destination, options, what);
  return true;
}

/** The number of bytes of a file that were read, by the calls of a trace. */
export function bytesRead(calls: readonly string[], path: string): number {
  let sum = 0;
  for (const call of calls) {
    const found = /^p?read(?:64|v2?)?\(\d+<([^>]*)>.* = (\d+)$/.exec(call);
    if (found?.[1] === path) sum += Number(found[2]);
  }
  return sum;
}
