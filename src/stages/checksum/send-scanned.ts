import type { StageContext } from "../../blocks/context.ts";
import { checkRange } from "../../blocks/check-range.ts";
import { Root } from "../../blocks/root.ts";
import { scanSource } from "../../blocks/scan.ts";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import type * as Binding from "../../native/binding.js";
import { BLOCK_CODECS } from "../../protocol/codec.ts";
import { DIGEST_LENGTHS } from "../../protocol/digest.ts";
import { HashEncoder } from "../../protocol/hash-stream/encoder.ts";
import { MAX_POSITION } from "../../protocol/limits.ts";
import type { Hashing } from "../../protocol/digest.ts";
import { type ExtentList, within } from "../../ranges/extents.ts";
import type { StreamOutput } from "../../transport/streams/spooled-output.ts";
import { coverageOf } from "./coverage.ts";
import type { DigestOptions } from "./digest-options.ts";
import { storageFor } from "./storage.ts";

/** Blocks after the end of a file that are asked for at once. */
const BLOCKS_AT_ONCE = 256;

/** blockcopy 0.0.2 compares this number of blocks at once. */
const LEGACY_BATCH = 16;

/**
 * Reads a file or device and writes the digest of each block.
 *
 * @throws UsageError, the engine's failures, and those of the streams
 */
export async function sendScanned(
  context: StageContext,
  source: Binding.Source,
  options: DigestOptions,
  output: StreamOutput,
): Promise<void> {
  const { file, start, ranges, hashing, extended, sizeOfSource } = options;
  context.debug(`${file}: ${source.size} bytes, ${source.description}`);
  checkRange(source, options);
  if (options.audit !== undefined) {
    source.readHoles();
  }
  const { extents, bytes, openEnded, audited } = await coverageOf(source, options);
  if (ranges !== undefined) {
    context.debug(`${file}: ${bytes} of ${source.size} bytes in ${extents.length} ranges`);
  }
  const { size } = source;
  options.onRequest?.({ hashing, extents, audited, openEnded, size, openFrom: size, extended });
  // A root covers all blocks. A delta made from these digests names its destination by that root.
  const whole = extended && openEnded && start === 0 && ranges === undefined;
  const kept = whole && output.isRewritable;
  const end = openEnded ? MAX_POSITION : (extents.at(-1)?.end ?? 0);
  const encoder = await encoderFor(context, source, options, { kept, end });
  const root = whole ? new Root(context.native, hashing) : undefined;
  // Begin before the other end can refuse, so that people see both sides of the copy.
  context.progress.begin(bytes, source.instance());
  await output.write(encoder.begin({ reserveRoot: kept }));
  if (sizeOfSource !== undefined) {
    // Makes the source answer at once.
    await output.write([encoder.mark(0)]);
  }
  await scanSource(context, source, extents, hashing, async (position, length, digests) => {
    root?.add(digests);
    await output.write([encoder.blocks(position, length, digests)]);
  });
  const found = root?.finish(source.size);
  if (ranges !== undefined && sizeOfSource !== undefined) {
    const missing = { start: size, end: await sizeOfSource };
    await askFor(within(missing, await ranges(), hashing.blockSize), { encoder, hashing }, output);
  }
  const asksForRest = openEnded && sizeOfSource === undefined;
  const rest = asksForRest ? restFrom(source.size, encoder, options) : [];
  if (kept && found !== undefined) {
    await output.rewrite(encoder.beginWith(found));
  }
  await output.finish([...rest, ...encoder.end(found)]);
}

/**
 * Returns the encoder.
 *
 * @param stream `kept`: the stream is kept in a file and names the file or device, since it can serve as digest cache; `end`: the end of
 *   what it asks for
 */
async function encoderFor(
  context: StageContext,
  source: Binding.Source,
  options: DigestOptions,
  { kept, end }: { kept: boolean; end: number },
): Promise<HashEncoder> {
  const identity = kept ? await identityOf(context, source) : undefined;
  const storage = await storageFor(context, source, options);
  const state = kept ? ((await context.engine.deviceState(source)) ?? undefined) : undefined;
  const about =
    kept || options.sized === true ? { size: source.size, identity, state, storage } : {};
  const { hashing, extended, dryRun } = options;
  const marks = options.sizeOfSource === undefined ? undefined : true;
  return new HashEncoder(
    hashing,
    extended ? { accepts: BLOCK_CODECS, end, dryRun, marks, ...about } : undefined,
  );
}

/** Returns the identity of a file or device; undefined if nothing distinguishes it from others. */
async function identityOf(
  { engine, debug }: StageContext,
  source: Binding.Source,
): Promise<string | undefined> {
  try {
    return await engine.settledIdentity(source);
  } catch (error) {
    if (!isEngineFailure(error) || error.kind !== "no-identity") {
      throw error;
    }
    debug(error.message);
    return undefined;
  }
}

/** Asks for the blocks of these extents, which are after the end of the file: by digests that no block has. */
async function askFor(
  extents: ExtentList,
  { encoder, hashing }: { encoder: HashEncoder; hashing: Hashing },
  output: StreamOutput,
): Promise<void> {
  const most = BLOCKS_AT_ONCE * hashing.blockSize;
  const mismatches = new Uint8Array(BLOCKS_AT_ONCE * DIGEST_LENGTHS[hashing.digest]);
  for (const { start, end } of extents) {
    for (let at = start; at < end; at += most) {
      const length = Math.min(most, end - at);
      const blocks = Math.ceil(length / hashing.blockSize);
      const digests = mismatches.subarray(0, blocks * DIGEST_LENGTHS[hashing.digest]);
      await output.write([encoder.blocks(at, length, digests)]);
    }
  }
}

/** Returns the frames that ask for all that the source has from `offset` on. */
function restFrom(
  offset: number,
  encoder: HashEncoder,
  { start, hashing, legacy }: DigestOptions,
): Uint8Array[] {
  if (legacy !== true || start < offset) {
    return [encoder.rest(offset)];
  }
  // 0.0.2 sends the rest in blocks as long as the last one that it compared, and fails if it has compared none. So send a
  // full batch of digests that match no block: 0.0.2 would send the rest before the blocks of an incomplete batch.
  const { digest, blockSize } = hashing;
  const length = LEGACY_BATCH * blockSize;
  const mismatches = new Uint8Array(LEGACY_BATCH * DIGEST_LENGTHS[digest]);
  return [encoder.blocks(offset, length, mismatches), encoder.rest(offset + length)];
}
