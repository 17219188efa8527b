import type { Cancellation } from "../../blocks/cancellation.ts";
import type { BlockDecoder } from "../../protocol/block-stream/decoder.ts";
import { BLOCK_HEADER_LENGTH } from "../../protocol/block-stream/frames.ts";
import type { Head } from "../../protocol/block-stream/head.ts";
import type { Input } from "../../transport/streams/input.ts";
import { type Batch, BATCH_LENGTH, type BlockWriter } from "./block-writer.ts";

/** Most frames in a batch: each takes memory of its own, however short it is. */
const MAX_FRAMES = 4096;

/** The stream to read, and where its blocks go. */
interface Receiving {
  input: Input;
  decoder: BlockDecoder;
  writer: BlockWriter;
  /** Called before the first write; `head` is undefined for a legacy stream. */
  begin: (head: Head | undefined) => Promise<void>;
  /** A signal ends the reading; complete frames are still written. */
  cancellation: Cancellation;
}

/**
 * Reads a block stream up to `done` and writes its blocks.
 *
 * @returns the bytes after `done` that have been read already
 * @throws ProtocolError, StreamError, CancelledError, and the errors of `begin`
 */
export async function receiveBlocks({
  input,
  decoder,
  writer,
  begin,
  cancellation,
}: Receiving): Promise<Uint8Array> {
  let begun = false;
  let batch = await writer.begin(new Uint8Array(0));
  for (;;) {
    const decoded = decodeInto(batch, decoder, input);
    if (!begun && (decoder.head !== undefined || batch.frames.length > 0 || decoded.done)) {
      begun = true;
      await begin(decoder.head);
    }
    if (decoded.done) {
      const rest = batch.slot.memory.slice(batch.parsed, batch.filled);
      writer.write(batch);
      writer.end();
      return rest;
    }
    const isFull = batch.frames.length === MAX_FRAMES;
    if (isFull || isDue(batch, writer)) {
      const next = await writer.begin(unparsed(batch));
      writer.write(batch);
      batch = next;
    }
    // A full batch may have left frames in memory that are not decoded yet.
    if (cancellation.requested || (!isFull && !(await readMore(batch, input, cancellation)))) {
      const rest = unparsed(batch);
      // Write all complete frames, even if the other end has gone away since.
      writer.write(batch);
      await writer.drained();
      throw cancellation.requested
        ? cancellation.error()
        : decoder.ended(rest, input.bytes - rest.length);
    }
  }
}

/** Decodes the frames in the memory of a batch, up to its limit. */
function decodeInto(batch: Batch, decoder: BlockDecoder, input: Input): { done: boolean } {
  const { frames, consumed, done, needed } = decoder.decode(
    batch.slot.memory,
    batch.parsed,
    batch.filled,
    input.bytes - (batch.filled - batch.parsed),
    MAX_FRAMES - batch.frames.length,
  );
  batch.frames = batch.frames.concat(frames);
  batch.parsed += consumed;
  batch.needed = Math.max(needed, BLOCK_HEADER_LENGTH);
  return { done };
}

/** Returns the bytes of a batch that belong to an incomplete frame, or are not decoded yet. */
function unparsed({ slot, parsed, filled }: Batch): Uint8Array {
  return slot.memory.subarray(parsed, filled);
}

/** True if a batch should be written now: the writer is idle, or the batch is full. */
function isDue({ slot, frames, filled, parsed, needed }: Batch, writer: BlockWriter): boolean {
  return (
    frames.length > 0 &&
    (writer.idle || filled >= BATCH_LENGTH || parsed + needed > slot.memory.length)
  );
}

/** Reads more into a batch, up to its limit or the end of its last frame. False at the end of the stream, and on a signal. */
async function readMore(batch: Batch, input: Input, cancellation: Cancellation): Promise<boolean> {
  const limit = Math.max(BATCH_LENGTH, batch.parsed + batch.needed);
  const target = batch.slot.memory.subarray(batch.filled, limit);
  const count = await cancellation.race(() => input.read(target), 0);
  batch.filled += count;
  return count > 0;
}
