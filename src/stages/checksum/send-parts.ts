import type { BlockRequest } from "../../blocks/bounds.ts";
import type { StageContext } from "../../blocks/context.ts";
import { scanSource, type TakeDigests } from "../../blocks/scan.ts";
import type { DigestCache } from "../../digests/digest-cache.ts";
import type * as Binding from "../../native/binding.js";
import { BLOCK_CODECS } from "../../protocol/codec.ts";
import { HashEncoder } from "../../protocol/hash-stream/encoder.ts";
import { MAX_POSITION } from "../../protocol/limits.ts";
import { type Extent, Extents } from "../../ranges/extents.ts";
import type { StreamOutput } from "../../transport/streams/spooled-output.ts";
import { ownProcess, type ProcessId } from "../../transport/processes/process-tree.ts";
import type { DigestOptions, SharedParts } from "./digest-options.ts";
import { storageFor } from "./storage.ts";

/**
 * Writes the digests of the parts that this process takes from the queue. It takes a part when all but one of those before are answered: so
 * a stream whose connection is slow, or whose parts differ more, takes fewer.
 *
 * @throws UsageError, SharedListError, the engine's failures, and those of the streams
 */
export async function sendParts(
  context: StageContext,
  source: Binding.Source,
  options: DigestOptions & { shared: SharedParts },
  output: StreamOutput,
): Promise<void> {
  const { hashing, shared } = options;
  const { queue, coverage, isFirst } = shared;
  const { size, openEnded } = queue.copy;
  const { audited } = coverage;
  if (options.audit !== undefined) {
    source.readHoles();
  }
  const extents = new Extents();
  const request = { hashing, extents, audited, openEnded: false, size, extended: true };
  options.onRequest?.(request);
  const encoder = new HashEncoder(hashing, {
    accepts: BLOCK_CODECS,
    end: openEnded ? MAX_POSITION : (coverage.extents.at(-1)?.end ?? 0),
    size,
    storage: await storageFor(context, source, options),
    marks: true,
  });
  context.progress.begin(isFirst ? coverage.bytes : 0, source.instance(), {
    queue: isFirst || queue.hasClaim ? queue.name : undefined,
    process: processOf(ownProcess()),
  });
  await output.write(encoder.begin());
  const marks: number[] = [];
  const taken = takeParts(context, shared, { request, extents, marks });
  const send: TakeDigests = async (position, length, digests) => {
    await output.write([encoder.blocks(position, length, digests)]);
    if (position + length === marks[0]) {
      marks.shift();
      await output.write([encoder.mark(position + length)]);
    }
  };
  await (shared.cache === undefined
    ? scanSource(context, source, taken, hashing, send)
    : passOn(context, shared.cache, taken, send));
  const rest = request.openEnded ? [encoder.rest(size)] : [];
  await output.finish([...rest, ...encoder.end(undefined)]);
}

/** Passes on the digests of a cache, for the extents that this process takes. */
async function passOn(
  { progress }: StageContext,
  cache: DigestCache,
  extents: AsyncIterable<Extent>,
  take: TakeDigests,
): Promise<void> {
  for await (const extent of extents) {
    await cache.digestsIn(extent, async (position, length, digests) => {
      await take(position, length, digests);
      progress.advance(length);
    });
  }
}

/** Returns a process as text. */
function processOf(id: ProcessId | undefined): string | undefined {
  return id && `${id.pid}/${id.started}`;
}

/** The state that taking a part changes. */
interface Taking {
  request: BlockRequest;
  /** The extents of the request. */
  extents: Extents;
  /** The offsets after which a mark is asked for. */
  marks: number[];
}

/** Takes parts while there are any, and yields their extents. Two at a time keep the connection busy; near the end, the others get a chance. */
async function* takeParts(
  { debug }: StageContext,
  { queue, division, answers }: SharedParts,
  { request, extents, marks }: Taking,
): AsyncGenerator<Extent> {
  const { copy, stream } = queue;
  for (;;) {
    await answers.fewerThan(queue.isNearEnd ? 1 : 2);
    const number = queue.take();
    if (number === undefined) {
      return;
    }
    const { start, end } = division.around(number);
    debug(`stream ${stream} takes the part from ${start} to ${end}`);
    for (const extent of division.extents(number)) {
      extents.append(extent);
    }
    if (number === copy.parts - 1) {
      // Nothing is taken after it, so nothing waits for its answer.
      request.openEnded = copy.openEnded;
    } else {
      answers.expect(end);
      marks.push(end);
    }
    yield* division.extents(number);
  }
}
