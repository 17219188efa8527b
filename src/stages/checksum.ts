import type * as Binding from "../native/binding.js";
import { isEngineFailure } from "../native/error.ts";
import type { DigestName } from "../protocol/digest.ts";
import { encodeDone, encodeHashFrames, encodeRest } from "../protocol/hash-stream.ts";
import { encodeHello } from "../protocol/hello.ts";
import { BLOCK_SIZE } from "../protocol/limits.ts";
import { isStandardInput } from "../transport/standard-input.ts";
import { Output } from "../transport/streams.ts";
import { OptionError, type StageContext } from "./context.ts";
import { type Coverage, cover, type Extent } from "./ranges/extents.ts";
import { Root, rootLine } from "./root.ts";
import { scanSource, scanStream, type TakeDigests } from "./scan.ts";

/** What to hash. */
export interface ChecksumOptions {
  /** File or device; `-` for standard input. */
  file: string;
  /** Offset of the first byte. */
  start: number;
  /** Offset of the byte after the last one; undefined for the end of the file. */
  end: number | undefined;
  /** Reads the list of what is to be hashed, instead of `start` and `end`; undefined for all of what they give. */
  ranges: (() => Promise<Extent[]>) | undefined;
  /** The algorithm of the digests. */
  digest: DigestName;
  /** Take a file that is missing for an empty one, which `save` will make. */
  create: boolean;
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
    const source = await openOrMissing(context, options);
    if (source === undefined) {
      await greet(output, options);
      await output.finish([encodeRest(0), encodeDone()]);
    } else if (source === null) {
      await hashStream(context, options, output);
    } else {
      await hashSource(context, source, options, output);
    }
  });
}

/**
 * Writes the root digest of a file, device or stream to standard output, as a line of text.
 *
 * @throws the engine's failures, and those of the streams
 */
export async function checksumRoot(
  context: StageContext,
  { file, digest }: Pick<ChecksumOptions, "file" | "digest">,
): Promise<undefined> {
  context.debug(context.engine.hashing(digest));
  const output = new Output(context.native, "root digest");
  const root = new Root(digest);
  const add: TakeDigests = (_position, _length, digests) => root.add(digests);
  const source = await open(context, file);
  context.progress.begin(source?.size);
  const size =
    source === null ? await scanStream(context, { end: undefined, digest }, add) : source.size;
  if (source !== null) {
    context.debug(`${file}: ${size} bytes, ${source.description}`);
    await scanSource(context, source, { extents: [{ start: 0, end: size }], digest }, add);
  }
  await output.finish([new TextEncoder().encode(rootLine(root.finish(size), size))]);
}

/** As `open`, or undefined where a file is missing and may be. */
async function openOrMissing(
  context: StageContext,
  { file, create }: ChecksumOptions,
): Promise<Binding.Source | null | undefined> {
  try {
    return await open(context, file);
  } catch (error) {
    if (create && isEngineFailure(error) && error.kind === "not-found") {
      context.debug(`${file} does not exist`);
      return undefined;
    }
    throw error;
  }
}

/** The file or device, or null for a standard input that has to be read as it comes. */
function open({ engine, direct }: StageContext, file: string): Promise<Binding.Source | null> {
  return isStandardInput(file) ? engine.openStdin(direct) : engine.openSource(file, direct);
}

async function hashSource(
  context: StageContext,
  source: Binding.Source,
  options: ChecksumOptions,
  output: Output,
): Promise<void> {
  context.debug(`${options.file}: ${source.size} bytes, ${source.description}`);
  checkRange(source, options);
  const { extents, bytes, openEnded } = await coverage(source, options);
  if (options.ranges !== undefined) {
    context.debug(`${options.file}: ${bytes} of ${source.size} bytes in ${extents.length} ranges`);
  }
  const { digest } = options;
  await greet(output, options);
  context.progress.begin(bytes);
  await scanSource(context, source, { extents, digest }, sending(output, digest));
  await output.finish(openEnded ? [encodeRest(source.size), encodeDone()] : [encodeDone()]);
}

/** What of the file to hash. */
async function coverage(
  { size }: Binding.Source,
  { start, end, ranges }: ChecksumOptions,
): Promise<Coverage> {
  if (ranges !== undefined) {
    return cover(await ranges(), size, BLOCK_SIZE);
  }
  const extent = { start, end: end ?? size };
  return { extents: [extent], bytes: extent.end - start, openEnded: end === undefined };
}

/** Writes what an extended stream begins with. */
async function greet(output: Output, { extended, digest }: ChecksumOptions): Promise<void> {
  if (extended) {
    await output.write([encodeHello({ digest })]);
  }
}

/** Writes the digests of blocks as they come. */
function sending(output: Output, digest: DigestName): TakeDigests {
  return (position, length, digests) =>
    output.write([encodeHashFrames(position, length, BLOCK_SIZE, digests, digest)]);
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
  const { start, end, ranges, digest } = options;
  if (start !== 0 || ranges !== undefined) {
    throw new OptionError(
      `${ranges === undefined ? "--start" : "--ranges"} cannot be used on a pipe, which can only be read from its beginning`,
      "redirect a file, or give its name",
    );
  }
  await greet(output, options);
  context.progress.begin(end);
  const size = await scanStream(context, { end, digest }, sending(output, digest));
  if (end !== undefined && size < end) {
    throw beyondEnd("--end", end, "standard input", size);
  }
  await output.finish([encodeDone()]);
}
