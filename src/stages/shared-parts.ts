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

/** The queue of a copy and its parts, and the streams of this process. */
type Begun = Omit<SharedParts, "isFirst" | "compared" | "cache">;

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
  const { part, kept, replaces } = options;
  const { reader } = destination;
  const begun =
    joined === undefined
      ? await begin(context, destination, options)
      : await join(context, reader, options, joined);
  if (begun === undefined) {
    return undefined;
  }
  const { queue, division } = begun;
  kept?.first?.follow({ queue, division });
  const isFirst = part.number === 1;
  const { size } = queue.copy;
  // The lost process may have written after the old end.
  const compared = replaces === undefined ? size : Math.max(size, reader.size);
  return { ...begun, isFirst, compared, cache: kept?.cache };
}

/** Makes the queue of a copy whose destination may become longer: then the size of the source is found first. Undefined if none can be made here. */
async function begin(
  context: StageContext,
  destination: SharedDestination,
  options: Sharing,
): Promise<Begun | undefined> {
  const { sink, reader } = destination;
  const { part, hashing } = options;
  checkRange(reader, options);
  const list = newList(context, options);
  if (list === undefined) {
    return undefined;
  }
  const had = await coverageOf(reader, options);
  const { size } = reader;
  const encoder = await encoderFor(context, reader, options, { ...had, size });
  const answers = new Answers();
  const found = mayGrow(reader, options, had)
    ? await askForSize(context, destination, options, { coverage: had, encoder, answers })
    : undefined;
  const grownTo = Math.max(size, found?.size ?? 0);
  const coverage = grown(had, { size, grownTo });
  const length = partLength(coverage.bytes, part.count, hashing.blockSize);
  const division = new Division(coverage.extents, length, hashing.blockSize);
  const { openEnded } = coverage;
  const { parts } = division;
  const copy = copyOf(reader, options, { grownTo, openEnded, length, parts });
  const queue = PartQueue.create(list, copy, part.number, sink.claim());
  return { queue, coverage, division, encoder, answers, answer: found?.answer };
}

/**
 * Takes part in a copy whose queue another process has made.
 *
 * @throws SharedListError if it does not fit the options of this one
 */
async function join(
  context: StageContext,
  reader: Binding.Source,
  options: Sharing,
  queue: PartQueue,
): Promise<Begun> {
  const { copy } = queue;
  const { size, openEnded } = copy;
  const coverage = grown(await coverageOf(copy, options), copy);
  const division = new Division(coverage.extents, copy.length, options.hashing.blockSize);
  if (division.parts !== copy.parts) {
    throw new SharedListError(
      `this copy has ${copy.parts} parts, and ${division.parts} with the options of stream ${options.part.number}`,
    );
  }
  const encoder = await encoderFor(context, reader, options, { ...coverage, size, openEnded });
  return { queue, coverage, division, encoder, answers: new Answers(), answer: undefined };
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

/** Describes the copy that this process makes the queue of. */
function copyOf(
  reader: Binding.Source,
  { part, kept }: Sharing,
  facts: Pick<SharedCopy, "grownTo" | "openEnded" | "length" | "parts">,
): SharedCopy {
  const { size } = reader;
  const digests = kept?.first?.digests;
  const shared = digests && { digests };
  const instance = shortInstance(reader.instance());
  return { size, ...facts, streams: part.count, instance, ...shared };
}

/** Adds to the blocks that a destination had all that it gets after them. */
function grown(
  had: DigestCoverage,
  { size, grownTo }: Pick<SharedCopy, "size" | "grownTo">,
): DigestCoverage {
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
