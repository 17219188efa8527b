import { beyondEnd } from "../../blocks/check-range.ts";
import type { StageContext } from "../../blocks/context.ts";
import { scanStream } from "../../blocks/scan.ts";
import { UsageError } from "../../errors/copy-error.ts";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import type * as Binding from "../../native/binding.js";
import { BLOCK_CODECS } from "../../protocol/codec.ts";
import { HashEncoder } from "../../protocol/hash-stream/encoder.ts";
import type { StreamOutput } from "../../transport/streams/spooled-output.ts";
import { Output } from "../../transport/streams/output.ts";
import { openInput } from "./open-input.ts";
import { sendDigests } from "./send-digests.ts";
import { sendMissing } from "./send-missing.ts";
import type { DigestOptions } from "./digest-options.ts";

/** Options of {@link checksum}; `file` is a file or device, or `-` for standard input. */
export interface ChecksumOptions extends DigestOptions {
  /** Treat a missing file as an empty one, which `save` will create. */
  create: boolean;
  /** Most bytes of digests to send per second; undefined for no limit. */
  rate: number | undefined;
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
  const output = new Output(context.native, "hash stream", { rate: options.rate });
  await output.whileRead(async () => {
    const source = await openOrMissing(context, options);
    if (source === undefined) {
      await sendMissing(context, options, output);
    } else if (source === null) {
      await hashStream(context, options, output);
    } else {
      await sendDigests(context, source, options, output);
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
