import { checkRange } from "../../blocks/check-range.ts";
import type { StageContext } from "../../blocks/context.ts";
import { Root } from "../../blocks/root.ts";
import { BLOCK_CODECS } from "../../protocol/codec.ts";
import { HashEncoder } from "../../protocol/hash-stream/encoder.ts";
import { MAX_POSITION } from "../../protocol/limits.ts";
import type { StreamOutput } from "../../transport/streams/spooled-output.ts";
import type { DigestOptions } from "./digest-options.ts";

/**
 * Asks for all of the source, for a file that does not exist.
 *
 * @throws UsageError, the engine's failures, and those of the stream
 */
export async function sendMissing(
  { native, engine, progress }: StageContext,
  options: DigestOptions,
  output: StreamOutput,
): Promise<void> {
  const { file, hashing, extended, sized, located, dryRun } = options;
  checkRange({ size: 0 }, options);
  options.onRequest?.({ hashing, extents: [], openEnded: true, size: 0, openFrom: 0, extended });
  progress.begin(0);
  const root = new Root(native, hashing).finish(0);
  const storage =
    located === true ? ((await engine.storageOfNewFile(file)) ?? undefined) : undefined;
  const about = {
    ...((sized === true || output.isRewritable) && { size: 0 }),
    ...(output.isRewritable && { root: root.root }),
  };
  const encoder = new HashEncoder(
    hashing,
    extended ? { accepts: BLOCK_CODECS, end: MAX_POSITION, dryRun, storage, ...about } : undefined,
  );
  await output.finish([...encoder.begin(), encoder.rest(0), ...encoder.end(root)]);
}
