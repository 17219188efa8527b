import { refuseEmpty } from "../../blocks/capacity.ts";
import type { StageContext } from "../../blocks/context.ts";
import type * as Binding from "../../native/binding.js";
import type { StreamOutput } from "../../transport/streams/spooled-output.ts";
import { sendScanned } from "./send-scanned.ts";
import type { DigestOptions } from "./digest-options.ts";

/**
 * Writes the digest of each block of a file or device as a hash stream: from the digest cache, or by reading the file.
 *
 * @throws UsageError, CacheError, the engine's failures, and those of the streams
 */
export async function sendDigests(
  context: StageContext,
  source: Binding.Source,
  options: DigestOptions,
  output: StreamOutput,
): Promise<void> {
  refuseEmpty(options.file, source);
  const { shared } = options;
  if (shared !== undefined) {
    const { sendParts } = await import("./send-parts.ts");
    await sendParts(context, source, { ...options, shared }, output);
    return;
  }
  if (options.cache !== undefined) {
    const { sendCached } = await import("./send-cached.ts");
    if (await sendCached(context, source, options, output)) {
      return;
    }
  }
  await sendScanned(context, source, options, output);
}
