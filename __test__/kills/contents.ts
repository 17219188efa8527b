// The bytes of both ends of a copy, and what may have become of them.
import { existsSync, readFileSync } from "node:fs";
import { assertSame } from "../support/files/bytes.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import type { Pipeline, Place } from "./pipeline.ts";

/** Bytes of a page: each is written whole, or not at all. */
export const PAGE = 4096;

const contents = new Map<string, Buffer>();

/** Content of a file of that size: of the source, of the destination before the copy, or of the source a night later. */
export function content(what: "source" | "old" | "later", size: number): Buffer {
  const key = `${what} ${size}`;
  let found = contents.get(key);
  if (found === undefined) {
    found = noise(`kills ${what}`, size);
    // One block in eight is the same, so that not all are sent.
    if (what !== "source") {
      const source = content("source", size);
      for (let at = 0; at < size; at += 8 * BLOCK) source.copy(found, at, at, at + BLOCK);
    }
    contents.set(key, found);
  }
  return found;
}

/** Content of the destination before the copy: nothing but zeros if the copy makes it. */
function before({ size, isNew }: Pipeline): Buffer {
  return isNew === true ? Buffer.alloc(size) : content("old", size);
}

/** Content of the destination now; that of an empty file if it does not exist. */
function now({ destination }: Place): Buffer {
  return existsSync(destination) ? readFileSync(destination) : Buffer.alloc(0);
}

/** True if the destination is equal to the source. */
export function isComplete(place: Place, { size }: Pipeline): boolean {
  return now(place).equals(content("source", size));
}

/** True if the destination is as it was, or does not exist as before; a copy that makes it may have made it longer. */
export function isUntouched(place: Place, pipeline: Pipeline): boolean {
  const found = now(place);
  const length = pipeline.isNew === true ? found.length : pipeline.size;
  return found.equals(before(pipeline).subarray(0, length));
}

/** Asserts that the source is as it was, and that each page of the destination is an old or a new one. */
export function assertNothingElse(place: Place, pipeline: Pipeline): void {
  const { size, isNew } = pipeline;
  const [source, old, found] = [content("source", size), before(pipeline), now(place)];
  assertSame(readFileSync(place.source), source, "the source");
  if (isNew === true ? found.length > size : found.length !== size)
    throw new Error(`the destination has ${found.length} bytes instead of ${size}`);
  for (let at = 0; at < found.length; at += PAGE) {
    const page = found.subarray(at, at + PAGE);
    const is = (other: Buffer): boolean => page.equals(other.subarray(at, at + page.length));
    if (!is(source) && !is(old))
      throw new Error(
        `the page at offset ${at} of the destination is neither the old nor the new one`,
      );
  }
}

/** The bytes of blocks of the destination that are those of the source and were not before. */
export function copiedBytes(place: Place, pipeline: Pipeline): number {
  const [source, old, found] = [content("source", pipeline.size), before(pipeline), now(place)];
  let bytes = 0;
  for (let at = 0; at < found.length; at += BLOCK) {
    const block = (of: Buffer): Buffer => of.subarray(at, at + BLOCK);
    if (block(found).equals(block(source)) && !block(found).equals(block(old)))
      bytes += block(found).length;
  }
  return bytes;
}
