import { Answers } from "../blocks/answers.ts";
import { checkRange } from "../blocks/check-range.ts";
import type { StageContext } from "../blocks/context.ts";
import { Division } from "../blocks/division.ts";
import { type Part, partLength } from "../blocks/part.ts";
import { PartQueue } from "../blocks/part-queue.ts";
import { type SharedCopy, shortInstance } from "../blocks/shared-copy.ts";
import { messageOf } from "../errors/message-of.ts";
import type * as Binding from "../native/binding.js";
import { BLOCK_CODECS } from "../protocol/codec.ts";
import { HashEncoder } from "../protocol/hash-stream/encoder.ts";
import { MAX_POSITION } from "../protocol/limits.ts";
import { bytesOf, Extents } from "../ranges/extents.ts";
import { SharedList } from "../transport/files/shared-list.ts";
import { SharedListError } from "../transport/files/shared-list-error.ts";
import { askForSize, mayGrow, type SharedDestination } from "./ask-for-size.ts";
import { coverageOf } from "./checksum/coverage.ts";
import type { DigestCoverage, SharedParts } from "./checksum/digest-options.ts";
import { storageFor } from "./checksum/storage.ts";
import type { ReceiveOptions } from "./receive-options.ts";
import type { StreamCache } from "./stream-cache.ts";

/** The copy over several streams that a process takes part in. */
interface Sharing extends Omit<ReceiveOptions, "queue"> {
  /** The stream of this process. */
  part: Part;
  /** The digest cache of the copy; undefined for none. */
  kept: StreamCache | undefined;
}

/** The queue of a copy, and the streams of this process. */
type Begun = Pick<SharedParts, "queue" | "encoder" | "answers" | "answer">;

/**
 * Returns the parts that this process takes from the queue of a copy, which the first stream makes.
 *
 * @param joined the queue that the first stream has made; undefined to make it
 * @returns undefined if none can be made here: the parts are then fixed
 * @throws SharedListError, UsageError, and the errors of `askForSize`
 */
export async function sharedParts(
  context: StageContext,
  destination: SharedDestination,
  options: Sharing,
  joined: PartQueue | undefined,
): Promise<SharedParts | undefined> {
  const { part, hashing, kept, replaces } = options;
  const { reader } = destination;
  const begun =
    joined === undefined
      ? await begin(context, destination, options)
      : await join(context, reader, options, joined);
  if (begun === undefined) {
    return undefined;
  }
  const { queue } = begun;
  const { copy } = queue;
  const coverage = await coverageOfCopy(copy, options);
  const division = new Division(coverage.extents, copy.length, hashing.blockSize);
  if (division.parts !== copy.parts) {
    throw new SharedListError(
      `this copy has ${copy.parts} parts, and ${division.parts} with the options of stream ${part.number}`,
    );
  }
  kept?.first?.follow({ queue, division });
  const isFirst = part.number === 1;
  // The lost process may have written after the old end.
  const compared = replaces === undefined ? copy.size : Math.max(copy.size, reader.size);
  return { ...begun, division, coverage, isFirst, compared, cache: kept?.cache };
}

/** Makes the queue of a copy whose destination may become longer: then the size of the source is found first. Undefined if none can be made here. */
async function begin(
  context: StageContext,
  destination: SharedDestination,
  options: Sharing,
): Promise<Begun | undefined> {
  const { sink, reader } = destination;
  const { part } = options;
  checkRange(reader, options);
  const list = newList(context, options);
  if (list === undefined) {
    return undefined;
  }
  const coverage = await coverageOf(reader, options);
  const { size } = reader;
  const encoder = await encoderFor(context, reader, options, { ...coverage, size });
  const answers = new Answers();
  const found = mayGrow(reader, options, coverage)
    ? await askForSize(context, destination, options, { coverage, encoder, answers })
    : undefined;
  const copy = await copyOf(reader, options, Math.max(size, found?.size ?? 0));
  const queue = PartQueue.create(list, copy, part.number, sink.claim());
  return { queue, encoder, answers, answer: found?.answer };
}

/** Takes part in a copy whose queue another process has made. */
async function join(
  context: StageContext,
  reader: Binding.Source,
  options: Sharing,
  queue: PartQueue,
): Promise<Begun> {
  const coverage = await coverageOfCopy(queue.copy, options);
  const { size, openEnded } = queue.copy;
  const encoder = await encoderFor(context, reader, options, { ...coverage, size, openEnded });
  return { queue, encoder, answers: new Answers(), answer: undefined };
}

/** Makes the list for a queue, and keeps other processes from working for the stream of this one. */
function newList(
  { native, debug }: StageContext,
  { part, ranges, verify, kept }: Sharing,
): SharedList | undefined {
  try {
    const list = SharedList.create(native);
    list.lock(native, part.number);
    return list;
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

/** Describes a copy whose destination gets `grownTo` bytes, if it has fewer. */
async function copyOf(
  reader: Binding.Source,
  options: Sharing,
  grownTo: number,
): Promise<SharedCopy> {
  const { part, hashing, kept } = options;
  const { size } = reader;
  const { extents, bytes, openEnded } = await coverageOfCopy({ size, grownTo }, options);
  const length = partLength(bytes, part.count, hashing.blockSize);
  const { parts } = new Division(extents, length, hashing.blockSize);
  const digests = kept?.first?.digests;
  const shared = digests && { digests };
  const instance = shortInstance(reader.instance());
  return { size, grownTo, openEnded, streams: part.count, length, parts, instance, ...shared };
}

/** Returns the blocks of a copy: those that the destination has, and all that it gets after them. */
async function coverageOfCopy(
  { size, grownTo }: Pick<SharedCopy, "size" | "grownTo">,
  options: Sharing,
): Promise<DigestCoverage> {
  const had = await coverageOf({ size }, options);
  if (grownTo === size) {
    return had;
  }
  const extents = new Extents();
  for (const extent of had.extents) {
    extents.append(extent);
  }
  extents.append({ start: size, end: grownTo });
  return { ...had, extents, bytes: bytesOf(extents) };
}

/** Returns the encoder of a hash stream with marks. */
async function encoderFor(
  context: StageContext,
  reader: Binding.Source,
  { file, hashing }: Sharing,
  { size, openEnded, extents }: DigestCoverage & { size: number },
): Promise<HashEncoder> {
  return new HashEncoder(hashing, {
    accepts: BLOCK_CODECS,
    end: openEnded ? MAX_POSITION : (extents.at(-1)?.end ?? 0),
    size,
    storage: await storageFor(context, reader, { file, located: true }),
    marks: true,
  });
}
