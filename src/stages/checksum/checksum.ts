import { beyondEnd, checkRange } from "../../blocks/check-range.ts";
import type { StageContext } from "../../blocks/context.ts";
import { Root } from "../../blocks/root.ts";
import { scanStream } from "../../blocks/scan.ts";
import { UsageError } from "../../errors/copy-error.ts";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import type * as Binding from "../../native/binding.js";
import { BLOCK_CODECS } from "../../protocol/codec.ts";
import { HashEncoder } from "../../protocol/hash-stream/encoder.ts";
import { MAX_POSITION } from "../../protocol/limits.ts";
import { SpooledOutput, type StreamOutput } from "../../transport/streams/spooled-output.ts";
import { Output } from "../../transport/streams/output.ts";
import { openInput } from "./open-input.ts";
import { sendDigests } from "./send-digests.ts";
import type { DigestOptions } from "./digest-options.ts";

/** Options of {@link checksum}; `file` is a file or device, or `-` for standard input. */
export interface ChecksumOptions extends DigestOptions {
  /** Treat a missing file as an empty one, which `save` will create. */
  create: boolean;
  /** Most bytes of digests to send per second; undefined for no limit. */
  rate: number | undefined;
  /** Hold the digests back until the root is known, and send it before them. A delta made from them then names its destination. */
  rootFirst?: boolean;
}

/**
 * Writes the digest of each block of a file, device or stream to standard output, as a hash stream.
 *
 * @throws UsageError, the engine's failures, and those of the streams
 */
export async function checksum(
  context: StageContext,
  options: ChecksumOptions,
): Promise<undefined> {
  context.debug(context.engine.hashing(options.hashing.digest));
  const output = new Output(context.native, "hash stream", options.rate);
  await output.whileRead(async () => {
    const stream = options.rootFirst === true ? await SpooledOutput.begin(output) : output;
    const source = await openOrMissing(context, options);
    if (source === undefined) {
      checkRange({ size: 0 }, options);
      context.progress.begin(0);
      await hashMissing(context, options, stream);
    } else if (source === null) {
      await hashStream(context, options, stream);
    } else {
      await sendDigests(context, source, options, stream);
    }
  });
}

/** Opens the input as `openInput` does; undefined if the file is missing and `create` allows that. */
async function openOrMissing(
  context: StageContext,
  { file, create }: ChecksumOptions,
): Promise<Binding.Source | null | undefined> {
  try {
    return await openInput(context, file);
  } catch (error) {
    if (create && isEngineFailure(error) && error.kind === "not-found") {
      context.debug(`${file} does not exist`);
      return undefined;
    }
    throw error;
  }
}

/** Asks for all of the source, for a file that is missing. */
async function hashMissing(
  { engine }: StageContext,
  { file, hashing, extended, sized }: ChecksumOptions,
  output: StreamOutput,
): Promise<void> {
  const root = new Root(hashing).finish(0);
  const storage = sized === true ? ((await engine.storageOfNewFile(file)) ?? undefined) : undefined;
  const encoder = new HashEncoder(
    hashing,
    extended
      ? {
          accepts: BLOCK_CODECS,
          end: MAX_POSITION,
          storage,
          ...(output.isRewritable && { size: 0, root: root.root }),
        }
      : undefined,
  );
  await output.finish([...encoder.begin(), encoder.rest(0), ...encoder.end(root)]);
}

/** Hashes a standard input that cannot be read by offset. Its size is unknown, so the stream has no `rest` frame. */
async function hashStream(
  context: StageContext,
  options: ChecksumOptions,
  output: StreamOutput,
): Promise<void> {
  const { start, end, ranges, hashing, extended, cache } = options;
  const refused = {
    "--start": start !== 0,
    "--ranges": ranges !== undefined,
    "--cached": cache !== undefined,
  };
  const [option] = Object.entries(refused).find(([, given]) => given) ?? [];
  if (option !== undefined) {
    throw new UsageError(
      `${option} cannot be used on a pipe, which can only be read from its beginning`,
      "redirect a file, or give its name",
    );
  }
  const encoder = new HashEncoder(hashing, extended ? { accepts: BLOCK_CODECS, end } : undefined);
  await output.write(encoder.begin());
  context.progress.begin(end);
  const size = await scanStream(context, end, hashing, (position, length, digests) =>
    output.write([encoder.blocks(position, length, digests)]),
  );
  if (end !== undefined && size < end) {
    throw beyondEnd("--end", end, "standard input", size);
  }
  await output.finish(encoder.end(undefined));
}
