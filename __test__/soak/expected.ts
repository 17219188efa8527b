// The oracle: the bytes that a destination must have after a copy, by a few lines of arithmetic.
import { BLOCK as DEFAULT_BLOCK } from "../support/files/files.ts";
import type { Given } from "./options.ts";

/** A copy, as far as it decides the bytes of the destination. */
export interface Task {
  source: Buffer;
  /** Empty for a file that does not exist. */
  destination: Buffer;
  isDevice: boolean;
  /** Options of `sync`, or of the stages together. */
  given: Given;
  /** Extents of the range map, as offset and length. */
  ranges?: readonly (readonly [number, number])[] | undefined;
}

/** The bytes of the destination after a copy that has succeeded. */
export function expected(task: Task): Buffer {
  const { source, destination, isDevice, given } = task;
  const parts = partsOf(task).map(([from, to]) => [from, Math.min(to, source.length)] as const);
  const end = Math.max(destination.length, ...parts.map(([, to]) => to));
  const length = isDevice ? destination.length : given.has("--truncate") ? cut(task, end) : end;
  const result = Buffer.alloc(length);
  destination.copy(result);
  for (const [from, to] of parts) if (from < to) source.copy(result, from, from, to);
  return result;
}

/** The length of a file with `--truncate`: that of the source, but a file whose end is left out does not grow. */
function cut({ source, given }: Task, end: number): number {
  const leavesOut = Number(given.get("--end") ?? source.length) < source.length;
  return leavesOut ? Math.min(end, source.length) : source.length;
}

/** The parts of the source that are copied, as offsets. */
function partsOf({ source, destination, given, ranges }: Task): (readonly [number, number])[] {
  const unit = blockSize(given);
  if (ranges === undefined)
    return [[Number(given.get("--start") ?? 0), Number(given.get("--end") ?? source.length)]];
  // If the map reaches beyond the end of the destination, or that may grow, all that the source has after that is sent.
  const grows = given.has("--truncate") || given.has("--create");
  const isBeyond = grows || ranges.some(([at, length]) => at + length > destination.length);
  const rest: [number, number][] = isBeyond ? [[destination.length, source.length]] : [];
  const whole = ranges
    .filter(([, length]) => length > 0)
    .map(([at, length]): [number, number] => [
      Math.floor(at / unit) * unit,
      Math.ceil((at + length) / unit) * unit,
    ]);
  return [...whole, ...rest];
}

/** Bytes per block. */
function blockSize(given: Given): number {
  const text = given.get("--block-size");
  if (typeof text !== "string") return DEFAULT_BLOCK;
  return Number.parseInt(text, 10) * (text.endsWith("M") ? 2 ** 20 : 1024);
}
