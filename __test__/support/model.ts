// What a copy must do, said in the plainest way: no hashes, no frames, no blocks read ahead.
import { BLOCK } from "./files.ts";

/** The part of the destination that was asked for, in bytes; without `end` everything from `start` on. */
export interface Range {
  start: number;
  end?: number;
}

/** An extent of the file, in bytes. */
export interface Extent {
  position: number;
  length: number;
}

/** The destination after a copy: the source's bytes in the range, its own elsewhere, never shorter than before. */
export function copied(
  source: Buffer,
  destination: Buffer,
  { start, end = source.length }: Range,
): Buffer {
  const part = source.subarray(start, Math.min(end, source.length));
  const result = Buffer.alloc(
    Math.max(destination.length, part.length === 0 ? 0 : start + part.length),
  );
  destination.copy(result);
  part.copy(result, start);
  return result;
}

/** The extents that must travel: blocks that differ, cut where the source ends, then what only the source has. */
export function extents(source: Buffer, destination: Buffer, { start, end }: Range): Extent[] {
  const result: Extent[] = [];
  const stop = end ?? destination.length;
  for (let position = start; position < stop; position += BLOCK) {
    const ours = source.subarray(position, Math.min(position + BLOCK, stop));
    const theirs = destination.subarray(position, Math.min(position + BLOCK, stop));
    if (ours.length > 0 && !ours.equals(theirs)) result.push({ position, length: ours.length });
  }
  if (end !== undefined) return result;
  for (let position = destination.length; position < source.length; position += BLOCK) {
    result.push({ position, length: Math.min(BLOCK, source.length - position) });
  }
  return result;
}
