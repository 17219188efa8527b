// Two files that `sync` is to make equal, wherever it takes them to be.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { assertSame } from "../files/bytes.ts";
import { assertSucceeded, type Outcome } from "./cli.ts";
import { BLOCK, noise, scratch, text } from "../files/files.ts";

/** Content of the source: some of it can be compressed, and its last block is a short one. */
export const SOURCE: Buffer = Buffer.concat([
  noise("source", 20 * BLOCK),
  text("source", 20 * BLOCK + 12_345),
]);

/** Two files. */
export interface Pair {
  folder: string;
  from: string;
  to: string;
}

/** `content` with a byte of each block of the given numbers changed. */
export function changedIn(content: Buffer, ...blocks: number[]): Buffer {
  const result = Buffer.from(content);
  for (const block of blocks) result[block * BLOCK] = (result[block * BLOCK] ?? 0) ^ 1;
  return result;
}

/** {@link SOURCE}, and a destination that differs from it in three blocks, unless one is given. */
export function pair(
  t: TestContext,
  options: { source?: Buffer; destination?: Buffer } = {},
): Pair {
  const { source = SOURCE, destination = changedIn(source, 0, 17, 30) } = options;
  const folder = scratch(t);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(from, source);
  writeFileSync(to, destination);
  return { folder, from, to };
}

/** A source of this many blocks, and a destination that differs in each. */
export function unlike(t: TestContext, blocks: number): Pair {
  const [source, destination] = [noise("from", blocks * BLOCK), noise("to", blocks * BLOCK)];
  return pair(t, { source, destination });
}

/** Asserts success without a word on either output but the summary, and that the destination is as it should be. */
export function assertSynced(outcome: Outcome, to: string, expected = SOURCE): void {
  assertSucceeded(outcome);
  assert.equal(outcome.stdout.length, 0);
  assertSame(readFileSync(to), expected, "the destination");
}

/** The number of bytes that went over the link, as the summary on standard error says. */
export function bytesSent(outcome: Outcome): number {
  assert.equal(outcome.code, 0, outcome.stderr);
  if (/nothing differed/.test(outcome.stderr)) return 0;
  const found = /^ {2}([\d.]+) ([KMG]iB|bytes) sent/m.exec(outcome.stderr);
  const unit = { bytes: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[found?.[2] ?? ""];
  assert.ok(unit !== undefined, outcome.stderr);
  return Number(found?.[1]) * unit;
}
