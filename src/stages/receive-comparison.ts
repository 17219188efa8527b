import type { StageContext } from "../blocks/context.ts";
import { Input } from "../transport/streams/input.ts";
import { Output } from "../transport/streams/output.ts";
import { sendDigests } from "./checksum/send-digests.ts";
import { readEmptyStream } from "./empty-stream.ts";
import { warnOfImage } from "./image/choose-format.ts";
import { withRanges } from "./receive.ts";
import type { ReceiveOptions } from "./receive-options.ts";
import { adviseOnMissing } from "./save/destination.ts";

/**
 * Sends the digests of a file or device that is compared with another one, and waits until the other side has compared them. Unlike a dry
 * run, it refuses nothing that only matters for writing: it may be in use, be of another size, or share bytes with the other one.
 *
 * @throws the errors of `checksum`, and ProtocolError if blocks are sent
 */
export async function receiveComparison(
  context: StageContext,
  options: ReceiveOptions,
): Promise<undefined> {
  const { native, engine, direct } = context;
  const compared = await engine
    .openSource(options.file, direct)
    .catch((error: unknown) => adviseOnMissing(error, "source"));
  await warnOfImage(context, options.file, compared, options.image);
  const digests = { ...(await withRanges(options)), extended: true, sized: true, dryRun: true };
  const output = new Output(native, "hash stream", { rate: options.rate });
  await Promise.all([
    readEmptyStream(new Input(native, "block stream"), () => Promise.resolve()),
    output.whileRead(() => sendDigests(context, compared, digests, output)),
  ]);
}
