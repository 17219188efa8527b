import type * as Binding from "../native/binding.js";
import type { DigestName } from "../protocol/digest.ts";
import { BLOCK_SIZE } from "../protocol/limits.ts";
import { Input } from "../transport/streams.ts";
import type { StageContext } from "./context.ts";
import { Holes } from "./holes.ts";
import type { Extent } from "./ranges/extents.ts";
import { Sequence } from "./sequence.ts";
import { batchesInFlight, Slots } from "./slots.ts";

/** Blocks that are read and hashed together. */
const BATCH_LENGTH = 32 * BLOCK_SIZE;

/** Takes the digests, one after the other, of the blocks that cover `length` bytes from `position`; called in order. */
export type TakeDigests = (
  position: number,
  length: number,
  digests: Uint8Array,
) => Promise<void> | void;

/**
 * Digests the blocks of the `extents` of a file or device, in their order.
 *
 * @throws the engine's failures, and what `take` throws
 */
export async function scanSource(
  context: StageContext,
  source: Binding.Source,
  { extents, digest }: { extents: readonly Extent[]; digest: DigestName },
  take: TakeDigests,
): Promise<void> {
  const { engine, native, progress } = context;
  const slots = new Slots(
    native,
    batchesInFlight(engine, BATCH_LENGTH),
    BATCH_LENGTH + 2 * BLOCK_SIZE,
  );
  const sequence = new Sequence();
  const scanAll = async (): Promise<void> => {
    const holes = new Holes(engine, source, digest);
    for (const { start, end } of extents) {
      for (let next = start; next < end;) {
        const position = next;
        const hole = await holes.at(position, end);
        const length = hole?.length ?? Math.min(BATCH_LENGTH, end - position);
        const slot = await slots.take(hole ? 0 : length);
        const scanned = hole
          ? Promise.resolve(hole.digests)
          : engine.scan(source, slots.slab, slot.index, position, length, BLOCK_SIZE, digest);
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
 * Digests the blocks of a stream as they come, to its end or to `end`.
 *
 * @returns how many bytes it had
 * @throws StreamError, the engine's failures, and what `take` throws
 */
export async function scanStream(
  context: StageContext,
  { end, digest }: { end: number | undefined; digest: DigestName },
  take: TakeDigests,
): Promise<number> {
  const { engine, native, progress } = context;
  const input = new Input(native, "standard input");
  const slots = new Slots(native, batchesInFlight(engine, BATCH_LENGTH), BATCH_LENGTH);
  const sequence = new Sequence();
  const scanAll = async (): Promise<void> => {
    for (;;) {
      const slot = await slots.take(BATCH_LENGTH);
      const position = input.bytes;
      const wanted = Math.min(BATCH_LENGTH, (end ?? Infinity) - position);
      const length = await input.readFully(slot.memory.subarray(0, wanted));
      if (length > 0) {
        const digested = engine.digest(slots.slab, slot.index, length, BLOCK_SIZE, digest);
        sequence.add(digested, async (digests) => {
          await take(position, length, digests);
          slots.release(slot);
          progress.advance(length);
        });
      }
      if (length < BATCH_LENGTH) {
        break;
      }
    }
    sequence.end();
  };
  await Promise.all([scanAll(), sequence.finished]);
  return input.bytes;
}
