import type * as Binding from "../native/binding.js";
import type { Hashing } from "../protocol/digest.ts";
import { Input } from "../transport/streams/input.ts";
import type { StageContext } from "./context.ts";
import { Holes } from "./holes.ts";
import type { Extent } from "../ranges/extents.ts";
import { Sequence } from "./sequence.ts";
import { batchesInFlight, Slots } from "./slots.ts";

/** Bytes to read and hash together, unless a single block is larger: a multiple of every smaller block size. */
const BATCH_LENGTH = 4 * 1024 * 1024;

/** Bytes that direct I/O may read around the blocks. */
const MARGIN = 256 * 1024;

/** Receives the digests of the blocks that cover `length` bytes from `position`, one after another. Called in order. */
export type TakeDigests = (
  position: number,
  length: number,
  digests: Uint8Array,
) => Promise<void> | void;

/**
 * Digests the blocks in the `extents` of a file or device, in order.
 *
 * @throws the engine's failures, and the errors of `take`
 */
export async function scanSource(
  context: StageContext,
  source: Binding.Source,
  extents: Iterable<Extent> | AsyncIterable<Extent>,
  hashing: Hashing,
  take: TakeDigests,
): Promise<void> {
  const { engine, native, progress } = context;
  const { digest, blockSize } = hashing;
  const batchLength = Math.max(BATCH_LENGTH, blockSize);
  const slots = new Slots(native, batchesInFlight(engine, batchLength), batchLength + MARGIN);
  const sequence = new Sequence();
  const scanAll = async (): Promise<void> => {
    const holes = new Holes(engine, source, hashing);
    for await (const { start, end } of extents) {
      for (let next = start; next < end;) {
        const position = next;
        const hole = await holes.at(position, end);
        const length = hole?.length ?? Math.min(batchLength, end - position);
        const slot = await slots.take(hole ? 0 : length);
        const scanned = hole
          ? Promise.resolve(hole.digests)
          : engine.scan(source, slots.slab, slot.index, {
              position,
              length,
              blockLength: blockSize,
              algorithm: digest,
            });
        sequence.add(scanned, async (digests) => {
          await take(position, length, digests);
          slots.release(slot);
          progress.advance(length);
        });
        next += length;
      }
    }
    sequence.end();
  };
  await Promise.all([scanAll(), sequence.finished]);
}

/**
 * Digests the blocks of standard input as they arrive, up to its end or up to `end`.
 *
 * @returns the number of bytes
 * @throws StreamError, the engine's failures, and the errors of `take`
 */
export async function scanStream(
  context: StageContext,
  end: number | undefined,
  hashing: Hashing,
  take: TakeDigests,
): Promise<number> {
  const { engine, native, progress } = context;
  const { digest, blockSize } = hashing;
  const input = new Input(native, "standard input");
  const batchLength = Math.max(BATCH_LENGTH, blockSize);
  const slots = new Slots(native, batchesInFlight(engine, batchLength), batchLength);
  const sequence = new Sequence();
  const scanAll = async (): Promise<void> => {
    for (;;) {
      const slot = await slots.take(batchLength);
      const position = input.bytes;
      const wanted = Math.min(batchLength, (end ?? Infinity) - position);
      const length = await input.readFully(slot.memory.subarray(0, wanted));
      if (length > 0) {
        const digested = engine.digest(slots.slab, slot.index, {
          length,
          blockLength: blockSize,
          algorithm: digest,
        });
        sequence.add(digested, async (digests) => {
          await take(position, length, digests);
          slots.release(slot);
          progress.advance(length);
        });
      }
      if (length < batchLength) {
        break;
      }
    }
    sequence.end();
  };
  await Promise.all([scanAll(), sequence.finished]);
  return input.bytes;
}
