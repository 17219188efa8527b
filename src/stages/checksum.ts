import type * as Binding from "../native/binding.js";
import type { DigestName } from "../protocol/digest.ts";
import { encodeDone, encodeHashFrames, encodeRest } from "../protocol/hash-stream.ts";
import { encodeHello } from "../protocol/hello.ts";
import { BLOCK_SIZE } from "../protocol/limits.ts";
import { Input, Output } from "../transport/streams.ts";
import { OptionError, type StageContext } from "./context.ts";
import { Holes } from "./holes.ts";
import { Sequence } from "./sequence.ts";
import { batchesInFlight, Slots } from "./slots.ts";

/** Blocks that are read and hashed together. */
const BATCH_LENGTH = 32 * BLOCK_SIZE;

/** What to hash. */
export interface ChecksumOptions {
  /** File or device; `-` for standard input. */
  file: string;
  /** Offset of the first byte. */
  start: number;
  /** Offset of the byte after the last one; undefined for the end of the file. */
  end: number | undefined;
  /** The algorithm of the digests. */
  digest: DigestName;
  /** Begin with a hello, which names the algorithm and which blockcopy 0.0.2 does not read. */
  extended: boolean;
}

/**
 * Writes the digest of each block of a file, device or stream to standard output, as hash stream.
 *
 * @throws OptionError, the engine's failures, and those of the streams
 */
export async function checksum(
  context: StageContext,
  options: ChecksumOptions,
): Promise<undefined> {
  context.debug(context.engine.hashing(options.digest));
  const output = new Output(context.native, "hash stream");
  await output.whileRead(async () => {
    const source = await open(context, options.file);
    if (source === null) {
      await hashStream(context, options, output);
    } else {
      await hashSource(context, source, options, output);
    }
  });
}

/** The file or device, or null for a standard input that has to be read as it comes. */
function open({ engine, direct }: StageContext, file: string): Promise<Binding.Source | null> {
  if (file !== "-" && file !== "/dev/stdin") {
    return engine.openSource(file, direct);
  }
  return engine.openStdin(direct);
}

async function hashSource(
  context: StageContext,
  source: Binding.Source,
  options: ChecksumOptions,
  output: Output,
): Promise<void> {
  const { engine, progress, debug } = context;
  debug(`${options.file}: ${source.size} bytes, ${source.description}`);
  checkRange(source, options);
  const end = options.end ?? source.size;
  await greet(output, options);

  const slots = new Slots(
    context.native,
    batchesInFlight(engine, BATCH_LENGTH),
    BATCH_LENGTH + 2 * BLOCK_SIZE,
  );
  const sequence = new Sequence();
  progress.begin(end - options.start);
  const hashAll = async (): Promise<void> => {
    const holes = new Holes(engine, source, options.digest);
    for (let position = options.start; position < end;) {
      const start = position;
      const hole = await holes.at(start, end);
      const length = hole?.length ?? Math.min(BATCH_LENGTH, end - start);
      const slot = await slots.take(hole ? 0 : length);
      const hashed = hole
        ? Promise.resolve(hole.digests)
        : engine.scan(source, slots.slab, slot.index, start, length, BLOCK_SIZE, options.digest);
      sequence.add(hashed, async (digests) => {
        await send(context, output, options.digest, start, length, digests);
        slots.release(slot);
      });
      position += length;
    }
    sequence.end();
  };
  await Promise.all([hashAll(), sequence.finished]);
  await output.finish(options.end === undefined ? [encodeRest(end), encodeDone()] : [encodeDone()]);
}

/** Writes what an extended stream begins with. */
async function greet(output: Output, { extended, digest }: ChecksumOptions): Promise<void> {
  if (extended) {
    await output.write([encodeHello({ digest })]);
  }
}

/** Writes the digests of the blocks of a range. */
async function send(
  { progress }: StageContext,
  output: Output,
  digest: DigestName,
  position: number,
  length: number,
  digests: Uint8Array,
): Promise<void> {
  await output.write([encodeHashFrames(position, length, BLOCK_SIZE, digests, digest)]);
  progress.advance(length);
}

/** A range that the file does not have is refused before hours are spent on it. */
function checkRange(source: Binding.Source, { file, start, end }: ChecksumOptions): void {
  for (const [option, offset] of [
    ["--start", start],
    ["--end", end ?? 0],
  ] as const) {
    if (offset > source.size) {
      throw beyondEnd(option, offset, file, source.size);
    }
  }
}

function beyondEnd(option: string, offset: number, file: string, size: number): OptionError {
  return new OptionError(
    `${option} ${offset} lies beyond the end of ${file}, which has ${size} bytes`,
    "give an offset within it",
  );
}

/** Hashes standard input as it comes. Nobody knows where it will end, so there is no `rest`. */
async function hashStream(
  context: StageContext,
  options: ChecksumOptions,
  output: Output,
): Promise<void> {
  const { start, end } = options;
  if (start !== 0) {
    throw new OptionError(
      "--start cannot be used on a pipe, which can only be read from its beginning",
      "redirect a file, or give its name",
    );
  }
  await greet(output, options);
  const input = new Input(context.native, "standard input");
  const slots = new Slots(
    context.native,
    batchesInFlight(context.engine, BATCH_LENGTH),
    BATCH_LENGTH,
  );
  const sequence = new Sequence();
  context.progress.begin(end);
  const hashAll = async (): Promise<void> => {
    for (;;) {
      const slot = await slots.take(BATCH_LENGTH);
      const position = input.bytes;
      const wanted = Math.min(BATCH_LENGTH, (end ?? Infinity) - position);
      const length = await input.readFully(slot.memory.subarray(0, wanted));
      if (length > 0) {
        const hashed = context.engine.digest(
          slots.slab,
          slot.index,
          length,
          BLOCK_SIZE,
          options.digest,
        );
        sequence.add(hashed, async (digests) => {
          await send(context, output, options.digest, position, length, digests);
          slots.release(slot);
        });
      }
      if (length < BATCH_LENGTH) {
        break;
      }
    }
    sequence.end();
  };
  await Promise.all([hashAll(), sequence.finished]);
  if (end !== undefined && input.bytes < end) {
    throw beyondEnd("--end", end, "standard input", input.bytes);
  }
  await output.finish([encodeDone()]);
}
