import type { BlockRequest } from "../../blocks/bounds.ts";
import type { StageContext } from "../../blocks/context.ts";
import { scanSource, type TakeDigests } from "../../blocks/scan.ts";
import type { DigestCache } from "../../digests/digest-cache.ts";
import type * as Binding from "../../native/binding.js";
import { DIGEST_LENGTHS, type Hashing } from "../../protocol/digest.ts";
import { type Extent, Extents } from "../../ranges/extents.ts";
import type { StreamOutput } from "../../transport/streams/spooled-output.ts";
import { ownProcess, type ProcessId } from "../../transport/processes/process-tree.ts";
import type { DigestOptions, SharedParts } from "./digest-options.ts";

/** Blocks to ask for at once. */
const AT_ONCE = 1024;

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
  const { queue, coverage, isFirst, encoder } = shared;
  const { size, grownTo } = queue.copy;
  const { audited } = coverage;
  if (options.audit !== undefined) {
    source.readHoles();
  }
  const extents = new Extents();
  const openFrom = grownTo;
  const request = { hashing, extents, audited, openEnded: false, size, openFrom, extended: true };
  options.onRequest?.(request);
  context.progress.begin(isFirst ? coverage.bytes : 0, source.instance(), {
    queue: isFirst || queue.hasClaim ? queue.name : undefined,
    process: processOf(ownProcess()),
  });
  if (shared.answer === undefined) {
    await output.write(encoder.begin());
  }
  const marks: number[] = [];
  const taken = takeParts(context, shared, { request, extents, marks });
  const { before, after } = dividedAt(shared.compared, taken, hashing.blockSize);
  const send: TakeDigests = async (position, length, digests) => {
    await output.write([encoder.blocks(position, length, digests)]);
    if (position + length === marks[0]) {
      marks.shift();
      await output.write([encoder.mark(position + length)]);
    }
  };
  await (shared.cache === undefined
    ? scanSource(context, source, before, hashing, send)
    : passOn(context, shared.cache, before, send));
  await askFor(context, after, hashing, send);
  const rest = request.openEnded ? [encoder.rest(openFrom)] : [];
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

/**
 * Divides ascending extents at `end`. Those before it consist of blocks that all lie before it; the others begin with the block that contains
 * it, and are yielded once those before have been.
 */
function dividedAt(
  end: number,
  extents: AsyncGenerator<Extent>,
  blockSize: number,
): { before: AsyncGenerator<Extent>; after: AsyncGenerator<Extent> } {
  let first: Extent | undefined;
  const before = async function* (): AsyncGenerator<Extent> {
    for (let next = await extents.next(); next.done !== true; next = await extents.next()) {
      const extent: Extent = next.value;
      const isWhole = extent.end <= end;
      const whole = Math.max(0, end - extent.start);
      const middle = isWhole ? extent.end : extent.start + whole - (whole % blockSize);
      yield { start: extent.start, end: middle };
      if (!isWhole) {
        first = { start: middle, end: extent.end };
        return;
      }
    }
  };
  const after = async function* (): AsyncGenerator<Extent> {
    if (first !== undefined) {
      yield first;
    }
    yield* extents;
  };
  return { before: before(), after: after() };
}

/** Asks for blocks that the destination does not have yet: with a digest of zeros, which no block has. */
async function askFor(
  { progress }: StageContext,
  extents: AsyncIterable<Extent>,
  { digest, blockSize }: Hashing,
  take: TakeDigests,
): Promise<void> {
  const digestLength = DIGEST_LENGTHS[digest];
  const none = new Uint8Array(AT_ONCE * digestLength);
  for await (const { start, end } of extents) {
    for (let position = start; position < end;) {
      const length = Math.min(AT_ONCE * blockSize, end - position);
      await take(position, length, none.subarray(0, Math.ceil(length / blockSize) * digestLength));
      progress.advance(length);
      position += length;
    }
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
