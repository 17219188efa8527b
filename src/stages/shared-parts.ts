import { Answers } from "../blocks/answers.ts";
import { checkRange } from "../blocks/check-range.ts";
import type { StageContext } from "../blocks/context.ts";
import { Division } from "../blocks/division.ts";
import { type Part, partLength } from "../blocks/part.ts";
import { PartQueue } from "../blocks/part-queue.ts";
import { messageOf } from "../errors/message-of.ts";
import type * as Binding from "../native/binding.js";
import { SharedListError } from "../transport/files/shared-list-error.ts";
import { shortInstance } from "../blocks/shared-copy.ts";
import type { Verify } from "./save/verify.ts";
import { coverageOf, type CoverageOptions } from "./checksum/coverage.ts";
import type { SharedParts } from "./checksum/digest-options.ts";
import type { StreamCache } from "./stream-cache.ts";

/** The copy over several streams that a process takes part in. */
interface Sharing extends CoverageOptions {
  file: string;
  /** The stream of this process. */
  part: Part;
  /** The queue that the first stream has made; undefined to make it. */
  queue: PartQueue | undefined;
  verify: Verify;
  /** The digest cache of the copy; undefined for none. */
  kept: StreamCache | undefined;
  /** The descriptors of this process that keep the destination claimed. */
  claim: readonly number[];
}

/**
 * Returns the parts that this process takes from the queue of a copy, which the first stream makes.
 *
 * @returns undefined if none can be made here: the parts are then fixed
 * @throws SharedListError, UsageError
 */
export async function sharedParts(
  context: StageContext,
  reader: Binding.Source,
  options: Sharing,
): Promise<SharedParts | undefined> {
  const { part, queue: joined, hashing, kept } = options;
  const queue = joined ?? (await newQueue(context, reader, options));
  if (queue === undefined) {
    return undefined;
  }
  const { copy } = queue;
  // The file may have grown since the queue was made.
  const coverage = await coverageOf(copy, options);
  const division = new Division(coverage.extents, copy.length, hashing.blockSize);
  if (division.parts !== copy.parts) {
    throw new SharedListError(
      `this copy has ${copy.parts} parts, and ${division.parts} with the options of stream ${part.number}`,
    );
  }
  kept?.first?.follow({ queue, division });
  const isFirst = part.number === 1;
  return { queue, division, coverage, answers: new Answers(), isFirst, cache: kept?.cache };
}

async function newQueue(
  { native, debug }: StageContext,
  reader: Binding.Source,
  options: Sharing,
): Promise<PartQueue | undefined> {
  const { part, hashing, ranges, verify, kept, claim } = options;
  checkRange(reader, options);
  const { extents, bytes, openEnded } = await coverageOf(reader, options);
  const length = partLength(bytes, part.count, hashing.blockSize);
  const { parts } = new Division(extents, length, hashing.blockSize);
  const { size } = reader;
  const digests = kept?.first?.digests;
  const shared = digests && { digests };
  const instance = shortInstance(reader.instance());
  const copy = { size, openEnded, streams: part.count, length, parts, instance, ...shared };
  try {
    const queue = PartQueue.create(native, copy, part.number, claim);
    queue.hold(native);
    return queue;
  } catch (error) {
    // Streams with fixed parts have no marks, and copy all of their range.
    if (ranges !== undefined || verify === "full" || kept !== undefined) {
      throw error;
    }
    // macOS has no files in memory, and without /proc no other process could open them.
    debug(`the parts of the copy are fixed: ${messageOf(error)}`);
    return undefined;
  }
}
