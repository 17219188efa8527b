import type * as Binding from "../native/binding.js";
import { ProtocolError } from "../protocol/error.ts";
import { Input, Output } from "../transport/streams/streams.ts";
import { asAside, silent } from "../ui/progress.ts";
import { checksum, type ChecksumOptions } from "./checksum/checksum.ts";
import type { CopyRequest, BlockRequest } from "../blocks/bounds.ts";
import type { StageContext } from "../blocks/context.ts";
import { openDestination } from "./save/destination.ts";
import { type Part, partOf } from "../blocks/part.ts";
import { saveTo, type SaveOptions } from "./save/save.ts";
import { sendDigests } from "./checksum/send-digests.ts";

/** Of which blocks to send the digests, and what to do with the blocks that come in answer. */
export type ReceiveOptions = Omit<ChecksumOptions, "extended" | "sized"> &
  SaveOptions & {
    /** Only this of what there is; others have the other parts, and the last of them what the source has behind the end. */
    part: Part | undefined;
    /** Both streams are those of blockcopy 0.0.2. */
    legacy: boolean;
  };

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
  const { native, engine, direct } = context;
  const { legacy } = options;
  const destination = await openDestination(context, options);
  const reader = await engine.openReader(destination.sink, direct);
  const digests = await withRanges(options);
  const output = new Output(native, "hash stream", options.rate);
  // What is read is what counts; what else is done shows all the same. What has changed, the source counts, where it can.
  const { progress } = context;
  const aside = progress.aside.bind(progress);
  const proved = progress.proved.bind(progress);
  const quiet = {
    ...silent,
    aside,
    proved,
    ...(legacy && { count: progress.count.bind(progress) }),
  };
  let asks!: (asked: CopyRequest) => void;
  const asked = new Promise<CopyRequest>((resolve) => (asks = resolve));
  const asksFor = (covered: BlockRequest): void =>
    asks({ ...covered, ...requested(covered, options) });
  const [outcome] = await Promise.all([
    saveTo({ ...context, progress: quiet }, destination, options, asked),
    output.whileRead(() =>
      sendDigests(
        context,
        reader,
        {
          ...digests,
          ...onlyPart(reader, options),
          extended: !legacy,
          sized: !legacy,
          asks: asksFor,
        },
        output,
      ),
    ),
  ]);
  return outcome;
}

/** Of which bytes this process is to send the digests, where others have the rest. */
function onlyPart(
  { size }: Binding.Source,
  { start, end, part, hashing }: ReceiveOptions,
): Pick<ReceiveOptions, "start" | "end"> {
  // A range that the file does not have is refused as it is.
  if (part === undefined || start > size || (end ?? 0) > size) {
    return { start, end };
  }
  const found = partOf(part, start, Math.max(start, end ?? size), hashing.blockSize);
  return part.number === part.count ? { ...found, end } : found;
}

/**
 * What all parts of the copy ask for together. Each part but the last ends where the next one begins, and nevertheless has to refuse what
 * would fail in the last.
 */
function requested(
  { extents, size, openEnded }: BlockRequest,
  { start, end, part }: ReceiveOptions,
): Pick<CopyRequest, "reachesEnd" | "whole"> {
  if (part !== undefined) {
    const reachesEnd = end === undefined || end > size;
    return { reachesEnd, whole: reachesEnd && start === 0 };
  }
  const [first] = extents;
  const coversAll = size === 0 || (first?.start === 0 && first.end >= size);
  return { reachesEnd: openEnded, whole: openEnded && coversAll };
}

/**
 * As `receive`, without a write: only reads, and waits until the other side has counted what it would send. Refuses a destination that
 * somebody is using, as `receive` would.
 *
 * @throws what `checksum` throws, and ProtocolError when something is sent
 */
export async function receiveDryRun(
  context: StageContext,
  options: ReceiveOptions,
): Promise<undefined> {
  if (!options.force) {
    await context.engine.refuseUsed(options.file);
  }
  // Digests that wait for the root keep the source waiting, and what that does is what counts.
  const aside = options.rootFirst
    ? asAside(context.progress, "reading the destination")
    : undefined;
  const digests = { ...(await withRanges(options)), extended: true, sized: true };
  await checksum({ ...context, progress: aside ?? context.progress }, digests);
  aside?.finish(true);
  const input = new Input(context.native, "block stream");
  if ((await input.read(new Uint8Array(1))) > 0) {
    throw new ProtocolError("other-stream", 0, "Blocks were sent, and none were asked for");
  }
}

/** Reads the list of ranges, if there is one, now: the block stream begins behind it. */
async function withRanges(options: ReceiveOptions): Promise<ReceiveOptions> {
  const extents = await options.ranges?.();
  return { ...options, ranges: extents && (() => Promise.resolve(extents)) };
}
