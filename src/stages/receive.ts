import { ProtocolError } from "../protocol/error.ts";
import { Input, Output } from "../transport/streams.ts";
import { silent } from "../ui/progress.ts";
import { checksum } from "./checksum.ts";
import type { StageContext } from "./context.ts";
import { refuseFileAmongDevices } from "./destination.ts";
import { saveTo, type SaveOptions } from "./save.ts";
import { type DigestOptions, sendDigests } from "./send-digests.ts";

/** Of which blocks to send the digests, and what to do with the blocks that come in answer. */
export type ReceiveOptions = Omit<DigestOptions, "extended" | "sized"> & SaveOptions;

/**
 * Both stages of a destination in one: writes the digests of a file or device to standard output, and the blocks that come on
 * standard input to it. It is open, and a device held, from the first read to the sync.
 *
 * @returns what came of it, in words, where there is something to say
 * @throws what `checksum` and `save` throw
 */
export async function receive(
  context: StageContext,
  options: ReceiveOptions,
): Promise<string | undefined> {
  const { native, engine, direct, debug } = context;
  const { file, force, create } = options;
  const sink = await engine.openSink(file, { force, create, direct });
  refuseFileAmongDevices(file, sink);
  debug(`${file}: ${sink.description}`);
  const reader = await engine.openReader(sink, direct);
  const output = new Output(native, "hash stream");
  // What is read is what counts; what else is done shows all the same.
  const { progress } = context;
  const quiet = { ...silent, aside: progress.aside.bind(progress) };
  const [outcome] = await Promise.all([
    saveTo({ ...context, progress: quiet }, sink, options),
    output.whileRead(() =>
      sendDigests(context, reader, { ...options, extended: true, sized: true }, output),
    ),
  ]);
  return outcome;
}

/**
 * As `receive`, without a write: only reads, and waits until the other side has counted what it would send.
 *
 * @throws what `checksum` throws, and ProtocolError when something is sent
 */
export async function rehearse(context: StageContext, options: ReceiveOptions): Promise<undefined> {
  await checksum(context, { ...options, extended: true, sized: true });
  const input = new Input(context.native, "block stream");
  if ((await input.read(new Uint8Array(1))) > 0) {
    throw new ProtocolError("other-stream", 0, "Blocks were sent, and none were asked for");
  }
}
