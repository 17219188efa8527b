// The bytes of both ends of a copy, and what may have become of them.
import { existsSync, readFileSync } from "node:fs";
import { assertSame } from "../support/files/bytes.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { destinationsOf, type Pipeline, type Place } from "./pipeline.ts";

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

/** Content of a destination now; that of an empty file if it does not exist. */
function now(path: string): Buffer {
  return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
}

/** True if all destinations are equal to the source. */
export function isComplete(place: Place, pipeline: Pipeline): boolean {
  return incomplete(place, pipeline).length === 0;
}

/** Returns the destinations that are not equal to the source. */
export function incomplete(place: Place, pipeline: Pipeline): string[] {
  const source = content("source", pipeline.size);
  return destinationsOf(place, pipeline).filter((path) => !now(path).equals(source));
}

/** True if all destinations are as they were, or do not exist as before; a copy that makes one may have made it longer. */
export function isUntouched(place: Place, pipeline: Pipeline): boolean {
  return destinationsOf(place, pipeline).every((path) => {
    const found = now(path);
    const length = pipeline.isNew === true ? found.length : pipeline.size;
    return found.equals(before(pipeline).subarray(0, length));
  });
}

/** Asserts that the source is as it was, and that each page of all destinations is an old or a new one. */
export function assertNothingElse(place: Place, pipeline: Pipeline): void {
  assertSame(readFileSync(place.source), content("source", pipeline.size), "the source");
  for (const path of destinationsOf(place, pipeline)) assertPages(path, pipeline);
}

function assertPages(path: string, pipeline: Pipeline): void {
  const { size, isNew } = pipeline;
  const [source, old, found] = [content("source", size), before(pipeline), now(path)];
  if (isNew === true ? found.length > size : found.length !== size)
    throw new Error(`${path} has ${found.length} bytes instead of ${size}`);
  for (let at = 0; at < found.length; at += PAGE) {
    const page = found.subarray(at, at + PAGE);
    const is = (other: Buffer): boolean => page.equals(other.subarray(at, at + page.length));
    if (!is(source) && !is(old))
      throw new Error(`the page at offset ${at} of ${path} is neither the old nor the new one`);
  }
}

/** The bytes of blocks of a destination that are those of the source and were not before. */
export function copiedBytes(path: string, pipeline: Pipeline): number {
  const [source, old] = [content("source", pipeline.size), before(pipeline)];
  const found = now(path);
  let bytes = 0;
  for (let at = 0; at < found.length; at += BLOCK) {
    const block = (of: Buffer): Buffer => of.subarray(at, at + BLOCK);
    if (block(found).equals(block(source)) && !block(found).equals(block(old)))
      bytes += block(found).length;
  }
  return bytes;
}
