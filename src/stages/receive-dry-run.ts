import type { CopyRequest } from "../blocks/bounds.ts";
import type { Target } from "../blocks/capacity.ts";
import type { StageContext } from "../blocks/context.ts";
import { BlockDecoder } from "../protocol/block-stream/decoder.ts";
import type { Head } from "../protocol/block-stream/head.ts";
import { ProtocolError } from "../protocol/error.ts";
import { Input } from "../transport/streams/input.ts";
import { Output } from "../transport/streams/output.ts";
import { SpooledOutput } from "../transport/streams/spooled-output.ts";
import { asAside } from "../ui/progress.ts";
import { sendDigests } from "./checksum/send-digests.ts";
import { sendMissing } from "./checksum/send-missing.ts";
import { awaitRequest, type ReceiveOptions, withRanges } from "./receive.ts";
import { NEW_FILE, openForDryRun } from "./save/destination.ts";
import { preflight } from "./save/preflight.ts";

/** More bytes than a stream without blocks has: it is three frames, of at most 4 KiB each. */
const LONGEST = 16 * 1024;

/**
 * Does a dry run of `receive`: sends the digests, refuses what `receive` would refuse before its first write, and waits until the other
 * side has counted the blocks. Also sends the digests for a delta, whose blocks go elsewhere.
 *
 * @throws the errors of `checksum` and of `preflight`, and ProtocolError if blocks are sent
 */
export async function receiveDryRun(
  context: StageContext,
  options: ReceiveOptions,
): Promise<undefined> {
  const target = await openForDryRun(context, options);
  const { request, onRequest } = awaitRequest(options);
  const digests = {
    ...(await withRanges(options)),
    extended: true,
    sized: true,
    dryRun: !options.rootFirst,
    onRequest,
  };
  const output = new Output(context.native, "hash stream", options.rate);
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
    refuseAnswer(context, { target: target ?? NEW_FILE, options, request }),
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

/**
 * Reads a block stream without blocks, up to the end of the input; no stream at all is fine too.
 *
 * @param begin called with its head as soon as that is there
 * @throws ProtocolError if it has blocks, is damaged, or something follows it; StreamError, and the errors of `begin`
 */
async function readEmptyStream(
  input: Input,
  begin: (head: Head | undefined) => Promise<void>,
): Promise<void> {
  const decoder = new BlockDecoder();
  const memory = new Uint8Array(LONGEST);
  let parsed = 0;
  let begun = false;
  let done = false;
  while ((await input.read(memory.subarray(input.bytes))) > 0) {
    const decoded = decoder.decode(memory, parsed, input.bytes, parsed);
    const hasMore = done || (decoded.done && parsed + decoded.consumed < input.bytes);
    if (hasMore || decoded.frames.length > 0 || input.bytes === LONGEST) {
      throw new ProtocolError("other-stream", parsed, "the source has sent blocks in a dry run");
    }
    parsed += decoded.consumed;
    ({ done } = decoded);
    if (!begun && (done || decoder.head !== undefined)) {
      begun = true;
      await begin(decoder.head);
    }
  }
  if (!done && input.bytes > 0) {
    throw decoder.ended(memory.subarray(parsed, input.bytes), parsed);
  }
}
