import type * as Binding from "../../native/binding.js";
import { HashDecoder } from "../../protocol/hash-stream/decoder.ts";
import type { ReceivedHello } from "../../protocol/hash-stream/hello.ts";
import { ProtocolError } from "../../protocol/error.ts";
import type { SourceDescription } from "../../protocol/source-fields.ts";
import { Output } from "../../transport/streams/streams.ts";
import { ChangeMap } from "../../ui/change-map.ts";
import type { Progress } from "../../ui/progress.ts";
import { type BlockEncoder, ExtendedEncoder, LegacyEncoder } from "./block-encoder.ts";
import { type Compress, compressor, type Compressor } from "./compression.ts";
import type { StageContext } from "../../blocks/context.ts";
import {
  BATCH_SLOT_LENGTH,
  type HashBatch,
  MAX_BATCH_LENGTH,
  readHashBatches,
} from "../../blocks/digest-batches.ts";
import { DryRunOutput } from "./dry-run-output.ts";
import { RootOfBatches } from "../../blocks/root.ts";
import { refuseOverlap } from "./overlap.ts";
import { checkRange } from "../checksum/send-digests.ts";
import { dataLength, refuseEmpty } from "../../blocks/capacity.ts";
import { refuseSize, type Sizes } from "../../blocks/sizes.ts";
import { Sequence } from "../../blocks/sequence.ts";
import { batchesInFlight, Slots } from "../../blocks/slots.ts";
import { tellOfWriter } from "./source-in-use.ts";

/** What to compare. */
export interface RetrieveOptions {
  /** File or device to copy from. */
  file: string;
  /** How changed blocks are compressed. */
  compress: Compress;
  /** Write byte for byte what blockcopy 0.0.2 would. */
  exactWire: boolean;
  /** How large the destination may be, if it says how large it is. */
  sizes: Sizes;
  /** A range that the file must have, as far as it is given. */
  needs: { start: number | undefined; end: number | undefined };
  /** All of it will be asked for, so that it is known how much there is to do. */
  whole: boolean;
  /** Only count what would be sent. */
  dryRun: boolean;
  /** Told when somebody else may write to the file; undefined where nobody wants to know. */
  inUse: ((message: string) => void) | undefined;
  /** Bytes that may go out in a second; undefined for as many as the pipe takes. */
  rate: number | undefined;
  /** Tell where the blocks are that differ. */
  map: boolean;
  /** Take only a sealed hash stream, which asks for an extended answer. */
  sealed: boolean;
}

/**
 * Reads a hash stream from standard input and writes the blocks of a file or device that differ to standard
 * output, as block stream: the extended one where the hash stream asks for that.
 *
 * @throws ProtocolError, UsageError, the engine's failures, and those of the streams
 */
export async function retrieve(
  context: StageContext,
  options: RetrieveOptions,
): Promise<undefined> {
  const { native, engine, direct, progress, debug } = context;
  const output = new Output(native, "block stream", options.rate);
  await output.whileRead(async () => {
    const source = await engine.openSource(options.file, direct);
    debug(`${options.file}: ${source.size} bytes, ${source.description}`);
    refuseEmpty(options.file, source);
    checkRange(source, { file: options.file, ...options.needs });
    // Before reading changes the time of the last access.
    const description = describe(source, await engine.metadata(source));
    progress.begin(options.whole ? source.size : undefined, source.instance());
    if (options.inUse !== undefined) {
      await tellOfWriter(context, options.file, source, options.inUse);
    }
    const dryRun = options.dryRun ? new DryRunOutput(debug) : undefined;
    const stream = dryRun ?? output;
    const map = options.map ? new ChangeMap(source.size) : undefined;

    const decoder = new HashDecoder();
    const slots = new Slots(native, batchesInFlight(engine, MAX_BATCH_LENGTH), BATCH_SLOT_LENGTH);
    const sequence = new Sequence();
    const root = new RootOfBatches(source.size);
    let counted = 0;
    let talk: Talk | undefined;
    /** What the stream asks for is known with its first batch, or at its end. */
    const begin = async (): Promise<Talk> => {
      debug(
        `${engine.hashing(decoder.hashing.digest)}, blocks of ${decoder.hashing.blockSize} bytes`,
      );
      if (options.sealed && decoder.hello?.accepts === undefined) {
        throw new ProtocolError(
          "not-asked",
          0,
          "The hash stream has no seal, at byte 0 of the hash input stream",
        );
      }
      const { hello } = decoder;
      // Nothing has been sent yet, so that nothing can have been written.
      await refuseOverlap(context, source, hello?.storage);
      const { file, sizes } = options;
      refuseSize({ source: file, sizes }, source.size, hello?.size);
      if (output.isRewritable && hello?.accepts !== undefined && hello.root === undefined) {
        context.warn(
          "the digests do not say what they are of: `save` will write these blocks to any destination (keep what `checksum --extended FILE` writes straight into a file)",
        );
      }
      const { answer, coder } = (talk = agree(context, options, decoder.hello, {
        ...description,
        // Only an extended stream says it before the blocks.
        ...(hello?.accepts !== undefined && { data: await dataLength(context, source) }),
      }));
      sequence.add(Promise.resolve(), () => stream.write(answer.begin()));
      return { answer, coder };
    };
    const compare = async (batch: HashBatch): Promise<void> => {
      const { answer, coder } = talk ?? (await begin());
      const whole = answer.proved && root.wants(batch.blocks, decoder.hashing);
      const slot = await slots.take(batch.bytes);
      const compression = coder.current;
      const compared = engine.diff(source, slots.slab, slot.index, {
        blocks: batch.blocks,
        digests: batch.digests,
        algorithm: decoder.hashing.digest,
        hashed: whole || answer.extended,
        compression,
        omitZeros: answer.extended,
      });
      sequence.add(compared, async (diff) => {
        if (whole) {
          root.add(diff.digests);
        }
        const begun = performance.now();
        await stream.write(answer.blocks(diff, slot.memory));
        const now = performance.now();
        const compressed = diff.changed.some(({ codec }) => codec === compression.codec);
        coder.sent(now, now - begun, compressed && compression === coder.current);
        slots.release(slot);
        diff.changed.forEach(({ position, block }) => map?.add(position, block));
        countBlocks(progress, diff.changed);
        progress.count("sent", stream.bytes - counted);
        counted = stream.bytes;
        dryRun?.differ(diff.changed);
        progress.advance(batch.bytes - behind(batch, source.size));
      });
    };
    const compareAll = async (): Promise<void> => {
      try {
        for await (const batch of readHashBatches(
          native,
          decoder,
          source.size,
          options.exactWire,
        )) {
          await compare(batch);
        }
      } catch (error) {
        // What the other end sent whole is answered, also when it then went away.
        await sequence.drained();
        throw error;
      }
      talk ??= await begin();
      sequence.end();
    };
    await Promise.all([compareAll(), sequence.finished]);
    debug(`${stream.bytes} bytes of changed blocks ${options.dryRun ? "counted" : "sent"}`);
    if (map !== undefined) {
      progress.mapped(map);
    }
    await stream.finish(talk?.answer.end(root.finish(decoder.hashing)) ?? []);
  });
}

/** Counts blocks that differ, and what they take on the way, where they are more than a length. */
function countBlocks(progress: Progress, changed: readonly Binding.Block[]): void {
  const sumOf = (blocks: typeof changed, what: "block" | "length"): number =>
    blocks.reduce((sum, block) => sum + block[what], 0);
  const present = changed.filter(({ codec }) => codec !== "zeros");
  progress.count("blocks", changed.length);
  progress.count("changed", sumOf(changed, "block"));
  progress.count("plain", sumOf(present, "block"));
  progress.count("packed", sumOf(present, "length"));
}

/** How many bytes of a batch lie behind the end of the source. */
function behind({ blocks }: HashBatch, size: number): number {
  const last = blocks.at(-1);
  return last === undefined ? 0 : Math.max(0, last.position + last.length - size);
}

/** How this stage speaks to the one that reads it. */
interface Talk {
  answer: BlockEncoder;
  coder: Compressor;
}

/** Does what the hash stream asks for: extended frames if it says that they are read, and those of blockcopy 0.0.2 if not. */
function agree(
  { debug }: StageContext,
  { compress, exactWire }: RetrieveOptions,
  hello: ReceivedHello | undefined,
  source: SourceDescription,
): Talk {
  const coder = compressor(compress, hello?.accepts, exactWire, debug);
  if (hello?.accepts === undefined) {
    return { answer: new LegacyEncoder(exactWire ? undefined : source), coder };
  }
  const { digest, blockSize, root, size } = hello;
  const base = root !== undefined && size !== undefined ? { root, size } : undefined;
  return { answer: new ExtendedEncoder({ digest, blockSize, source, base }), coder };
}

/** What is said of the source beside its content. */
function describe(
  { size, isDevice }: Binding.Source,
  { mode, accessed, modified, uid, owner, gid, group }: Binding.Metadata,
): SourceDescription {
  return {
    size,
    kind: isDevice ? "device" : "file",
    mode,
    accessed,
    modified,
    owner: { id: uid, name: owner },
    group: { id: gid, name: group },
  };
}
