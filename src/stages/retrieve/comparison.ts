import type { StageContext } from "../../blocks/context.ts";
import { type HashBatch, readHashBatches } from "../../blocks/digest-batches.ts";
import { PartsDigest } from "../../blocks/parts-digest.ts";
import { RootOfBatches } from "../../blocks/root.ts";
import { Sequence } from "../../blocks/sequence.ts";
import type * as Binding from "../../native/binding.js";
import { clock } from "../../native/clock.ts";
import { HashDecoder } from "../../protocol/hash-stream/decoder.ts";
import type { Input } from "../../transport/streams/input.ts";
import type { Output } from "../../transport/streams/output.ts";
import { ChangeMap } from "../../ui/change-map.ts";
import type { Range } from "../../ui/programs/event-values.ts";
import type { Progress } from "../../ui/progress.ts";
import { DryRunOutput } from "./dry-run-output.ts";
import { type Format, negotiate } from "./negotiate.ts";
import type { Reading, Reads } from "./reads.ts";
import type { OpenSource, RetrieveOptions } from "./retrieve-options.ts";

/** A batch that the engine compares, until its blocks are sent. */
interface Compared {
  batch: HashBatch;
  reading: Reading;
  format: Format;
  /** True if its digests belong to the root digest of the source. */
  hasRootDigests: boolean;
}

/** The streams of a comparison, and the way to read its source. */
export interface ComparisonIo {
  /** The hash stream. */
  input: Input;
  /** The block stream. */
  output: Output;
  reads: Reads;
}

/** Most marks that a destination waits for at once. */
const MOST_MARKS = 2;

/** Compares a source with a hash stream, and sends the blocks that differ. */
export class Comparison {
  readonly #context: StageContext;
  readonly #options: RetrieveOptions;
  readonly #opened: OpenSource;
  readonly #input: Input;
  readonly #output: Output;
  readonly #reads: Reads;
  readonly #dryRun: DryRunOutput | undefined;
  readonly #map: ChangeMap | undefined;
  readonly #root: RootOfBatches;
  /** Of an answer with marks. */
  #parts: PartsDigest | undefined;
  readonly #decoder = new HashDecoder();
  readonly #sequence = new Sequence();
  /** Marks that are not answered yet. */
  #unanswered = 0;
  /** Known once the first batch has been read, or the end of the hash stream. */
  #format: Format | undefined;
  /** Bytes sent that the progress knows of. */
  #reported = 0;
  #changed = 0;

  constructor(
    context: StageContext,
    options: RetrieveOptions,
    opened: OpenSource,
    { input, output, reads }: ComparisonIo,
  ) {
    const { size } = opened.source;
    this.#context = context;
    this.#options = options;
    this.#opened = opened;
    this.#input = input;
    this.#output = output;
    this.#reads = reads;
    this.#dryRun = options.dryRun
      ? new DryRunOutput((ranges) => this.#differed(ranges))
      : undefined;
    this.#map = options.map ? new ChangeMap(size) : undefined;
    this.#root = new RootOfBatches(context.native, size);
  }

  /**
   * Compares and sends everything up to the end of the block stream.
   *
   * @throws ProtocolError, UsageError, the engine's failures, and those of the streams
   */
  async run(): Promise<void> {
    const { progress, debug } = this.#context;
    await Promise.all([this.#compareAll(), this.#sequence.finished]);
    debug(
      `${this.#stream.bytes} bytes of changed blocks ${this.#options.dryRun ? "counted" : "sent"}`,
    );
    if (this.#map !== undefined) {
      progress.mapped(this.#map);
    }
    const root = this.#root.finish(this.#decoder.hashing);
    const lost = await this.#opened.snapshot?.fault({ hasFailed: false });
    if (lost !== undefined) {
      // Without its end, the other side takes the stream for what it is.
      throw lost;
    }
    const parts = this.#parts?.finish(this.#opened.source.size);
    await this.#stream.finish(this.#format?.encoder.end(root, parts) ?? []);
  }

  /** Bytes of the blocks that differ, so far. */
  get changed(): number {
    return this.#changed;
  }

  get #stream(): Output | DryRunOutput {
    return this.#dryRun ?? this.#output;
  }

  async #compareAll(): Promise<void> {
    const batches = readHashBatches(this.#input, this.#decoder, {
      sourceSize: this.#opened.source.size,
      legacy: this.#options.legacy,
    });
    try {
      for await (const batch of batches) {
        this.#format ??= await this.#begin();
        const { hashing } = this.#decoder;
        const parts = batch.mark === undefined ? this.#reads.parts(batch, hashing) : [batch];
        for (const part of parts) {
          await this.#compare(part, this.#format);
        }
      }
    } catch (error) {
      // Answer every complete frame, even if the other end has gone away since.
      await this.#sequence.drained();
      throw error;
    }
    this.#format ??= await this.#begin();
    this.#sequence.end();
  }

  /** Chooses the format of the answer, and sends its beginning. */
  async #begin(): Promise<Format> {
    const format = await negotiate(this.#context, {
      options: this.#options,
      opened: this.#opened,
      decoder: this.#decoder,
      isOutputRewritable: this.#output.isRewritable,
    });
    const { encoder } = format;
    if (this.#decoder.hello?.marks === true) {
      this.#parts = new PartsDigest(this.#context.native, this.#decoder.hashing);
    }
    if (this.#options.dryRun && this.#decoder.hello?.dryRun === true) {
      // A whole stream without blocks, from which the other side can refuse what a copy would refuse.
      await this.#output.write([...encoder.begin(), ...encoder.end(undefined)]);
    }
    this.#sequence.add(Promise.resolve(), () => this.#stream.write(encoder.begin()));
    return format;
  }

  async #compare(batch: HashBatch, format: Format): Promise<void> {
    const { encoder, compressor } = format;
    if (batch.mark !== undefined) {
      await this.#answer(batch.mark, encoder);
      return;
    }
    const { hashing } = this.#decoder;
    const hasRootDigests = encoder.sendsRoot && this.#root.wants(batch.blocks, hashing);
    const reading = await this.#reads.begin({
      batch,
      hashing,
      hashed: hasRootDigests || encoder.extended,
      compressor,
      omitZeros: encoder.extended,
    });
    const compared = { batch, reading, format, hasRootDigests };
    this.#sequence.add(reading.diff, (result) => this.#send(compared, result));
  }

  /** Answers a mark. Marks hold no slot, so nothing else limits how many wait for an output that is slow. */
  async #answer(mark: number, encoder: Format["encoder"]): Promise<void> {
    if (this.#unanswered >= MOST_MARKS) {
      await this.#sequence.drained();
    }
    this.#unanswered += 1;
    this.#sequence.add(Promise.resolve(), async () => {
      await this.#stream.write(encoder.mark(mark));
      this.#unanswered -= 1;
    });
  }

  async #send(
    { batch, reading, format, hasRootDigests }: Compared,
    diff: Binding.Diff,
  ): Promise<void> {
    const { encoder, compressor } = format;
    const { memory, compression } = reading;
    if (hasRootDigests) {
      this.#root.add(diff.digests);
    }
    this.#parts?.add(
      batch.blocks.map(({ position, length }) => ({
        position,
        length: Math.min(length, this.#opened.source.size - position),
      })),
      diff.digests,
    );
    const begun = clock();
    await this.#stream.write(encoder.blocks(diff, memory));
    const now = clock();
    const isCompressed = diff.changed.some(({ codec }) => codec === compression.codec);
    compressor.sent(now, {
      waited: now - begun,
      isTypical: isCompressed && compression === compressor.current,
    });
    reading.release();
    this.#report(batch, diff.changed);
  }

  #differed(ranges: readonly Range[]): void {
    const { progress, debug } = this.#context;
    ranges.forEach(([offset, length]) => debug(`${length} bytes at offset ${offset} differ`));
    if (this.#options.ranges) {
      progress.differed(ranges);
    }
  }

  #report(batch: HashBatch, changed: readonly Binding.Block[]): void {
    const { progress } = this.#context;
    changed.forEach(({ position, block }) => this.#map?.add(position, block));
    countBlocks(progress, changed);
    this.#changed += changed.reduce((sum, { block }) => sum + block, 0);
    progress.count("sent", this.#stream.bytes - this.#reported);
    this.#reported = this.#stream.bytes;
    this.#dryRun?.differ(changed);
    progress.advance(batch.bytes - bytesAfterEnd(batch, this.#opened.source.size));
  }
}

/** Counts changed blocks, and for those with a payload the bytes before and after compression. */
function countBlocks(progress: Progress, changed: readonly Binding.Block[]): void {
  const sumOf = (blocks: typeof changed, what: "block" | "length"): number =>
    blocks.reduce((sum, block) => sum + block[what], 0);
  const withPayload = changed.filter(({ codec }) => codec !== "zeros");
  progress.count("blocks", changed.length);
  progress.count("changed", sumOf(changed, "block"));
  progress.count("plain", sumOf(withPayload, "block"));
  progress.count("packed", sumOf(withPayload, "length"));
}

/** Returns how many bytes of a batch lie after the end of a source of `size` bytes. */
function bytesAfterEnd({ blocks }: HashBatch, size: number): number {
  const last = blocks.at(-1);
  return last === undefined ? 0 : Math.max(0, last.position + last.length - size);
}
