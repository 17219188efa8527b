import type * as Binding from "../native/binding.js";
import type { Tail } from "../protocol/tail-fields.ts";
import { Input } from "../transport/streams.ts";
import { receiveBlocks, Writer } from "./block-batches.ts";
import type { StageContext } from "./context.ts";
import { refuseFileAmongDevices } from "./destination.ts";
import { type Carried, namesOf, restoreMetadata } from "./metadata.ts";
import { readTail, requireTail } from "./read-tail.ts";
import { type Verify, verifyAll, verifyWritten } from "./verify.ts";
import { Written } from "./written.ts";

/** Where to write to, and what else to do. */
export interface SaveOptions {
  /** File or device to copy to. */
  file: string;
  /** Write even to a device that is mounted or held. */
  force: boolean;
  /** Make a regular file that is missing. */
  create: boolean;
  /** Make blocks of zeros holes where the destination can have any. */
  sparse: boolean;
  /** What is read back at the end. */
  verify: Verify;
  /** What a file gets beside its content. */
  carried: Carried;
}

/**
 * Reads a block stream from standard input and writes its blocks to a file or device. Done when they are on the
 * disk, and what was to be read back has been.
 *
 * @returns what came of it, in words, where there is something to say
 * @throws ProtocolError, VerifyError, the engine's failures, and those of the stream
 */
export async function save(
  context: StageContext,
  options: SaveOptions,
): Promise<string | undefined> {
  const { native, engine, direct, progress, debug } = context;
  const { file, force, create, sparse, verify } = options;
  const input = new Input(native, "block stream");
  const sink = await engine.openSink(file, { force, create, direct });
  refuseFileAmongDevices(file, sink);
  debug(`${file}: ${sink.size} bytes, ${sink.description}`);
  progress.begin(undefined);
  const written = verify === "none" ? undefined : await Written.begin();
  const writer = new Writer(context, sink, sparse, written);
  const [behind] = await Promise.all([receiveBlocks(input, writer), writer.finished]);
  debug(`${input.bytes} bytes received`);

  const needed = [...namesOf(options.carried), ...(verify === "full" ? ["--verify=full"] : [])];
  const tail = needed.length > 0 ? await readTail(input, behind) : undefined;
  if (tail !== undefined) {
    await restoreMetadata(context, sink, file, options.carried, tail);
  }
  debug("waiting for the disk");
  await engine.sync(sink);
  // The blocks are safe by now, whatever else is missing.
  const [first] = needed;
  if (first !== undefined) {
    requireTail(tail, first, input.bytes);
  }
  return written === undefined ? undefined : readBack(context, sink, written, options, tail);
}

/** Reads back what is to be read back. */
async function readBack(
  context: StageContext,
  sink: Binding.Sink,
  written: Written,
  { file, verify }: SaveOptions,
  tail: Tail | undefined,
): Promise<string> {
  await written.end();
  const outcome =
    verify === "full"
      ? await verifyAll(context, sink, file, written, tail)
      : await verifyWritten(context, sink, file, written);
  context.debug(outcome);
  return outcome;
}
