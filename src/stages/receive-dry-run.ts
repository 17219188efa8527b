import type { CopyRequest } from "../blocks/bounds.ts";
import type { Target } from "../blocks/capacity.ts";
import type { StageContext } from "../blocks/context.ts";
import { Input } from "../transport/streams/input.ts";
import { Output } from "../transport/streams/output.ts";
import { SpooledOutput } from "../transport/streams/spooled-output.ts";
import { asAside } from "../ui/progress.ts";
import { sendDigests } from "./checksum/send-digests.ts";
import { sendMissing } from "./checksum/send-missing.ts";
import { readEmptyStream } from "./empty-stream.ts";
import { warnOfImage } from "./image/choose-format.ts";
import { awaitRequest, withRanges } from "./receive.ts";
import type { ReceiveOptions } from "./receive-options.ts";
import { NEW_FILE, openForDryRun } from "./save/destination.ts";
import { preflight } from "./save/preflight.ts";

/**
 * Does a dry run of `receive`: sends the digests, refuses what `receive` would refuse before its first write, and waits until the other
 * side has counted the blocks. Also sends the digests for a delta, whose blocks go elsewhere.
 *
 * @param missing the destination if it does not exist
 * @throws the errors of `checksum` and of `preflight`, and ProtocolError if blocks are sent
 */
export async function receiveDryRun(
  context: StageContext,
  options: ReceiveOptions,
  missing: Target = NEW_FILE,
): Promise<undefined> {
  const target = await openForDryRun(context, { ...options, isForDelta: options.rootFirst });
  if (target !== undefined) {
    await warnOfImage(context, options.file, target, options.image);
  }
  const { request, onRequest } = awaitRequest(options);
  const digests = {
    ...(await withRanges(options)),
    extended: true,
    sized: true,
    located: true,
    dryRun: !options.rootFirst,
    onRequest,
  };
  const output = new Output(context.native, "hash stream", { rate: options.rate });
  const send = async (): Promise<void> => {
    // Held-back digests stall the source, so its progress is what counts from then on.
    const aside = options.rootFirst
      ? asAside(context.progress, "reading the destination")
      : undefined;
    const reading = { ...context, progress: aside ?? context.progress };
    const stream = options.rootFirst ? await SpooledOutput.begin(output) : output;
    await (target === undefined
      ? sendMissing(reading, digests, stream)
      : sendDigests(reading, target, digests, stream));
    aside?.finish({ succeeded: true });
  };
  await Promise.all([
    refuseAnswer(context, { target: target ?? missing, options, request }),
    output.whileRead(send),
  ]);
}

/**
 * Reads the answer, and refuses what `save` would refuse before its first write. A source of an earlier version sends no answer in a dry
 * run.
 *
 * @throws the errors of `preflight`, ProtocolError, StreamError
 */
async function refuseAnswer(
  context: StageContext,
  { request, ...plan }: { target: Target; options: ReceiveOptions; request: Promise<CopyRequest> },
): Promise<void> {
  const input = new Input(context.native, "block stream");
  await readEmptyStream(input, async (head) => {
    await preflight(context, { ...plan, head, request: await request });
  });
}
