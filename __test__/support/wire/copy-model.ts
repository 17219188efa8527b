// A naive model of a copy: no hashes, no frames, no blocks read ahead.
import { BLOCK } from "../files/files.ts";

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

/**
 * The extents that must travel, in blocks of `block` bytes: those that differ, cut where the source ends, then what only the source
 * has. In an extended stream that begins with a whole block, if the destination ends inside one of the grid.
 */
export function extents(
  source: Buffer,
  destination: Buffer,
  { start, end }: Range,
  block = BLOCK,
  extended = false,
): Extent[] {
  const result: Extent[] = [];
  const last = destination.length - (destination.length % block);
  const grown = extended && end === undefined && source.length > destination.length;
  const onGrid = start <= last && start % block === 0;
  const stop = end ?? (grown && onGrid ? last : destination.length);
  for (let position = start; position < stop; position += block) {
    const ours = source.subarray(position, Math.min(position + block, stop));
    const theirs = destination.subarray(position, Math.min(position + block, stop));
    if (ours.length > 0 && !ours.equals(theirs)) result.push({ position, length: ours.length });
  }
  if (end !== undefined) return result;
  for (let position = stop; position < source.length; position += block) {
    result.push({ position, length: Math.min(block, source.length - position) });
  }
  return result;
}

/** The same as extents that do not touch: in the extended stream, zeros travel in runs of blocks. */
export function merged(parts: readonly Extent[]): Extent[] {
  const result: Extent[] = [];
  for (const { position, length } of parts) {
    const last = result.at(-1);
    if (last !== undefined && last.position + last.length === position) last.length += length;
    else result.push({ position, length });
  }
  return result;
}
