import { dataLength } from "../../blocks/capacity.ts";
import type { StageContext } from "../../blocks/context.ts";
import { refuseSize } from "../../blocks/destination-sizes.ts";
import { ProtocolError } from "../../protocol/error.ts";
import type { HashDecoder } from "../../protocol/hash-stream/decoder.ts";
import { type BlockEncoder, ExtendedEncoder, LegacyEncoder } from "./block-encoder.ts";
import { compressor, type Compressor } from "./compression.ts";
import { refuseOverlap } from "./overlap.ts";
import type { OpenSource, RetrieveOptions } from "./retrieve-options.ts";

/** The way in which this stage sends blocks. */
export interface Format {
  encoder: BlockEncoder;
  compressor: Compressor;
}

/** The request to answer, and what this side knows of both streams. */
interface Negotiation {
  options: RetrieveOptions;
  opened: OpenSource;
  decoder: HashDecoder;
  /** True if the block stream goes to a file, to be used later. */
  isOutputRewritable: boolean;
}

/**
 * Chooses the format that the hash stream asks for: extended, or that of blockcopy 0.0.2. Nothing has been sent yet, so
 * whatever is refused here leaves the destination unchanged.
 *
 * @throws ProtocolError, UsageError, the engine's failures
 */
export async function negotiate(context: StageContext, negotiation: Negotiation): Promise<Format> {
  const { options, opened, decoder } = negotiation;
  const { engine, debug } = context;
  const { hello, hashing } = decoder;
  debug(`${engine.hashing(hashing.digest)}, blocks of ${hashing.blockSize} bytes`);
  await checkRequest(context, negotiation);
  const { description, source } = opened;
  const chosen = compressor(options.compress, {
    accepts: hello?.accepts,
    legacy: options.legacy,
    say: debug,
  });
  if (hello?.accepts === undefined) {
    const trailer = options.legacy ? undefined : description;
    return { encoder: new LegacyEncoder(trailer), compressor: chosen };
  }
  const { digest, blockSize, root, size, end: wanted } = hello;
  const base = root !== undefined && size !== undefined ? { root, size } : undefined;
  opened.data ??= dataLength(context, source);
  const described = { ...description, data: await opened.data };
  const end = wanted === undefined ? undefined : Math.min(wanted, source.size);
  const encoder = new ExtendedEncoder({ digest, blockSize, source: described, base, end });
  return { encoder, compressor: chosen };
}

/** Refuses a hash stream that must not be answered, and warns about one that names no destination. */
async function checkRequest(
  context: StageContext,
  { options, opened, decoder: { hello }, isOutputRewritable }: Negotiation,
): Promise<void> {
  const { file, sizes, sealed } = options;
  const { source, origin, snapshot } = opened;
  if (sealed && hello?.accepts === undefined) {
    throw new ProtocolError(
      "not-asked",
      0,
      "the hash stream has no seal, at byte 0 of the hash input stream",
    );
  }
  await refuseOverlap(context, origin, hello?.storage);
  // A classic LVM snapshot also lies on the disks with its changes.
  if (snapshot !== undefined) {
    await refuseOverlap(context, source, hello?.storage);
  }
  refuseSize({ source: file, sizes }, source.size, hello?.size);
  if (isOutputRewritable && hello?.accepts !== undefined && hello.root === undefined) {
    context.warn(
      "the digests do not name their destination, so `save` will write these blocks to any destination; to prevent that, write the output of `checksum --extended FILE` directly to a file",
    );
  }
}
