import type * as Binding from "../native/binding.js";
import { BLOCK_HEADER_LENGTH, encodeBlockHeader } from "../protocol/block-stream.ts";
import { encodeDone } from "../protocol/hash-stream.ts";
import { encodeTail } from "../protocol/tail.ts";
import { Output } from "../transport/streams.ts";
import type { StageContext } from "./context.ts";
import {
  BATCH_SLOT_LENGTH,
  type HashBatch,
  MAX_BATCH_LENGTH,
  readHashBatches,
} from "./hash-batches.ts";
import { RootOfBatches } from "./root.ts";
import { Sequence } from "./sequence.ts";
import { batchesInFlight, Slots } from "./slots.ts";

/** What to compare. */
export interface RetrieveOptions {
  /** File or device to copy from. */
  file: string;
  /** Compress changed blocks in the .xz format. */
  lzma: boolean;
  /** Write byte for byte what blockcopy 0.0.2 would. */
  exactWire: boolean;
}

/**
 * Reads a hash stream from standard input and writes the blocks of a file or device that differ to standard
 * output, as block stream.
 *
 * @throws ProtocolError, the engine's failures, and those of the streams
 */
export async function retrieve(
  context: StageContext,
  options: RetrieveOptions,
): Promise<undefined> {
  const { native, engine, direct, progress, debug } = context;
  const output = new Output(native, "block stream");
  await output.whileRead(async () => {
    const source = await engine.openSource(options.file, direct);
    debug(`${options.file}: ${source.size} bytes, ${source.description}`);
    // Before reading changes the time of the last access.
    const metadata = await engine.metadata(source);
    const xz = options.exactWire ? "xzPlain" : "xz";
    const compression = options.lzma ? xz : "none";
    progress.begin(undefined);

    const slots = new Slots(native, batchesInFlight(engine, MAX_BATCH_LENGTH), BATCH_SLOT_LENGTH);
    const sequence = new Sequence();
    const root = options.exactWire ? undefined : new RootOfBatches(source.size);
    let digest: HashBatch["digest"] | undefined;
    const compare = async (batch: HashBatch): Promise<void> => {
      if (batch.digest !== digest) {
        ({ digest } = batch);
        debug(engine.hashing(digest));
      }
      const hashed = root?.wants(batch.blocks, batch.digest) ?? false;
      const slot = await slots.take(batch.bytes);
      const compared = engine.diff(
        source,
        slots.slab,
        slot.index,
        batch.blocks,
        batch.digests,
        batch.digest,
        hashed,
        compression,
      );
      sequence.add(compared, async ({ changed, digests }) => {
        if (hashed) {
          root?.add(digests);
        }
        await output.write(framed(changed, slot.memory));
        slots.release(slot);
        progress.advance(batch.bytes);
      });
    };
    const compareAll = async (): Promise<void> => {
      try {
        for await (const batch of readHashBatches(native, source.size, options.exactWire)) {
          await compare(batch);
        }
      } catch (error) {
        // What the other end sent whole is answered, also when it then went away.
        await sequence.drained();
        throw error;
      }
      sequence.end();
    };
    await Promise.all([compareAll(), sequence.finished]);
    debug(`${output.bytes} bytes of changed blocks sent`);
    const tail = root && tailOf(source, metadata, root);
    await output.finish(tail === undefined ? [encodeDone()] : [encodeDone(), tail]);
  });
}

/** What is said of the source behind the end of the stream, where blockcopy 0.0.2 does not read it. */
function tailOf(
  source: Binding.Source,
  { mode, accessed, modified, uid, owner, gid, group }: Binding.Metadata,
  root: RootOfBatches,
): Uint8Array {
  return encodeTail({
    size: source.size,
    kind: source.isDevice ? "device" : "file",
    mode,
    accessed,
    modified,
    owner: { id: uid, name: owner },
    group: { id: gid, name: group },
    root: root.finish(),
  });
}

/** Changed blocks as frames: headers of their own, payloads where they lie in the slot. */
function framed(changed: Binding.Block[], memory: Uint8Array): Uint8Array[] {
  return changed.flatMap(({ position, offset, length, compressed }) => {
    const header = new Uint8Array(BLOCK_HEADER_LENGTH);
    encodeBlockHeader(header, 0, compressed ? "dlzm" : "data", position, length);
    return [header, memory.subarray(offset, offset + length)];
  });
}
