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
  let tellSize: (size: number) => void = () => undefined;
  const sizeOfSource = new Promise<number>((resolve) => {
    tellSize = resolve;
  });
  const digests = {
    ...(await withRanges(options)),
    extended: true,
    sized: true,
    dryRun: true,
    sizeOfSource: options.ranges && sizeOfSource,
  };
  const output = new Output(native, "hash stream", { rate: options.rate });
  const answer = readEmptyStream(new Input(native, "block stream"), (head) => {
    tellSize(head?.source.size ?? 0);
    return Promise.resolve();
  });
  await Promise.all([
    // A source that ends without an answer has said why, and compares nothing.
    answer.finally(() => tellSize(0)),
    output.whileRead(() => sendDigests(context, compared, digests, output)),
  ]);
}
