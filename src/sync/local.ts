import { cover, type Coverage, type ExtentList } from "../ranges/extents.ts";
import { UsageError } from "../errors/copy-error.ts";
import { isEngineFailure } from "../errors/engine-failure.ts";
import type * as Binding from "../native/binding.js";
import { clock } from "../native/clock.ts";
import { DEFAULT_BLOCK_SIZE } from "../protocol/limits.ts";
import type { StageContext } from "../blocks/context.ts";
import { adviseOnMissing, refuseFileAmongDevices } from "../stages/save/destination.ts";
import { refuseLost } from "../stages/save/refuse-lost.ts";
import { refuseCutOff, refuseGrown } from "../stages/save/refuse-other-length.ts";
import { warnOfImage } from "../stages/image/choose-format.ts";
import type { Format } from "../stages/image/format.ts";
import { refuseOverlap } from "../stages/retrieve/overlap.ts";
import { checkSpace, dataLength, refuseEmpty } from "../blocks/capacity.ts";
import { Sequence } from "../blocks/sequence.ts";
import { batchesInFlight, Slots } from "../blocks/slots.ts";
import { reportWriter } from "../stages/retrieve/source-in-use.ts";
import { ChangeMap } from "../ui/change-map.ts";
import type { TimeSpent } from "../ui/programs/event-values.ts";
import { NO_COUNTS } from "../ui/progress.ts";
import { localBottleneck, RecentTimeSpent } from "./find-bottleneck.ts";
import { sameError } from "./connection/endpoint.ts";
import type { SyncContext } from "./listener.ts";
import { Presumption } from "./presumption.ts";
import { type CopyResult, summaryOf } from "./copy-result.ts";

/** Bytes of each side that are compared together. */
const BATCH_LENGTH = 16 * DEFAULT_BLOCK_SIZE;

/** Interval at which the bottleneck is looked for. */
const BOTTLENECK_MILLISECONDS = 500;

/** The ends of a copy on this host, and its options. */
export interface LocalOptions {
  /** File or device to copy from. */
  source: string;
  /** File or device to copy to. It must exist and have the size of the source. */
  destination: string;
  /** Undefined for raw, with a warning for what begins like an image; nothing else is possible here. */
  sourceFormat: Format | undefined;
  destinationFormat: Format | undefined;
  /** Write even to a device that is mounted or held. */
  force: boolean;
  /** Lock the destination. */
  lock: boolean;
  /** Make blocks of zeros holes if the destination can have any. */
  sparse: boolean;
  /** Make a change map. */
  map: boolean;
  /** Reads the range map, of what is to be compared. Undefined for everything. */
  extents: (() => Promise<ExtentList>) | undefined;
}

/** The services that a copy uses, and the time that this program has spent. */
export type LocalContext = StageContext & SyncContext & { spent: () => TimeSpent };

/** The way in which all blocks are compared. */
interface UpdateOptions {
  /** The blocks to compare. */
  wanted: Coverage;
  sparse: boolean;
  map: ChangeMap | undefined;
}

/** The opened ends of a copy. The destination is open twice, for reading and for writing. */
interface Ends {
  source: Binding.Source;
  destination: Binding.Source;
  sink: Binding.Sink;
}

/**
 * Makes a file or device equal to another one on this host, or ranges of it: reads both, writes the blocks that differ, and syncs them.
 *
 * @throws UsageError, CancelledError, the errors of a range map, the engine's failures
 */
export async function syncLocal(context: LocalContext, options: LocalOptions): Promise<CopyResult> {
  const { engine, progress, cancellation, debug } = context;
  const begun = clock();
  const ends = await open(context, options);
  const { source, sink } = ends;
  const whole = [{ start: 0, end: source.size }];
  const wanted = cover((await options.extents?.()) ?? whole, source.size, DEFAULT_BLOCK_SIZE);
  await reportWriter(
    context,
    { file: options.source, source, suggestsSnapshot: true },
    context.warn,
  );
  progress.begin(wanted.bytes);
  showBottleneck(context);
  const map = options.map ? new ChangeMap(source.size) : undefined;
  const total = await cancellation.during(async () => {
    const updated = await updateAll(context, ends, { wanted, sparse: options.sparse, map });
    debug(`${updated.changed} bytes replaced, waiting for the disk`);
    await engine.sync(sink);
    return updated;
  });
  if (progress.work.done < wanted.bytes) {
    cancellation.synced = total.changed;
    throw cancellation.error();
  }
  refuseLost(options.destination, ends.destination, { hasWritten: true });
  const opened = await engine.openReader(sink, "off");
  refuseCutOff(options.destination, opened, source.size);
  refuseGrown(options.destination, opened, source.size);
  const seconds = (clock() - begun) / 1000;
  const counts = { ...NO_COUNTS, ...total };
  const both = { source: source.size, destination: ends.destination.size };
  const sizes = options.extents === undefined ? both : null;
  const facts = { verified: null, dryRun: false, sizes, seconds, linked: false };
  return { summary: summaryOf(wanted.bytes, counts, facts), map };
}

/**
 * Opens both ends and refuses those that must not be copied.
 *
 * @throws UsageError, the engine's failures
 */
async function open(context: LocalContext, options: LocalOptions): Promise<Ends> {
  const { engine, direct, debug } = context;
  const { force, lock } = options;
  const source = await engine.openSource(options.source, direct);
  const opening = { force, create: false, lock, direct };
  const sink = await engine.openSink(options.destination, opening).catch(async (error: unknown) => {
    if (isEngineFailure(error) && error.kind === "busy") {
      await refuseOverlapOf(context, source, options);
    }
    return adviseOnMissing(error, "destination");
  });
  const destination = await engine.openReader(sink, direct);
  refuseFileAmongDevices(options.destination, sink);
  if (source.isSameAs(destination)) {
    throw sameError(options.source, options.destination);
  }
  await refuseOverlap(context, source, await engine.storageOf(destination));
  refuseEmpty(options.source, source);
  refuseEmpty(options.destination, sink);
  refuseUnequalSizes(options, { source, destination, sink });
  // Without --sparse, filling the holes of the destination takes space too.
  const data = options.sparse ? undefined : await dataLength(context, source);
  checkSpace(sink, options.destination, source.size, data);
  await warnOfImage(context, options.source, source, {
    format: options.sourceFormat,
    option: "--source-format",
  });
  await warnOfImage(context, options.destination, destination, {
    format: options.destinationFormat,
    option: "--destination-format",
  });
  debug(`${options.source}: ${source.size} bytes, ${source.description}`);
  const reading = sink.isExport ? "" : `${destination.description}, `;
  debug(`${options.destination}: ${destination.size} bytes, ${reading}${sink.description}`);
  return { source, destination, sink };
}

/**
 * Refuses a destination in use that shares bytes with the source, as the file of a loop device does: its own refusal would suggest --force,
 * which does not help.
 *
 * @throws UsageError
 */
async function refuseOverlapOf(
  context: LocalContext,
  source: Binding.Source,
  { destination: path }: LocalOptions,
): Promise<void> {
  const { engine } = context;
  // If it cannot be opened or identified, it is refused for being in use.
  const storage = await engine
    .openSource(path, "off")
    .then((destination) => engine.storageOf(destination))
    .catch(() => null);
  await refuseOverlap(context, source, storage);
}

/** Compares both ends batch by batch and writes the blocks that differ, until the end or a cancellation. */
async function updateAll(
  { native, engine, progress, cancellation }: LocalContext,
  ends: Ends,
  { wanted, sparse, map }: UpdateOptions,
): Promise<Binding.Update> {
  // Both sides of a batch are in one slot. With short ranges, more batches are in flight.
  const room = 2 * longestBatch(wanted.extents);
  const slots = new Slots(native, batchesInFlight(engine, room), room);
  const sequence = new Sequence();
  // A change map shows what differed, so all of it must be compared.
  const presumption = ends.sink.isExport && map === undefined ? new Presumption() : undefined;
  const total: Binding.Update = { blocks: 0, changed: 0 };
  const submitAll = async (): Promise<void> => {
    for (const { position, length } of batches(wanted.extents)) {
      if (cancellation.requested) {
        break;
      }
      const slot = await slots.take(2 * length);
      const presume = presumption?.take(length) ?? false;
      const batch = { position, length, blockLength: DEFAULT_BLOCK_SIZE, sparse, presume };
      sequence.add(engine.update(ends, slots.slab, slot.index, batch), ({ blocks, changed }) => {
        total.blocks += blocks;
        total.changed += changed;
        presumption?.add(length, { changed, presumed: presume });
        slots.release(slot);
        map?.add(position, length, changed);
        progress.count("blocks", blocks);
        progress.count("changed", changed);
        progress.advance(length);
      });
    }
    sequence.end();
  };
  await Promise.all([submitAll(), sequence.finished]);
  return total;
}

/** Yields the extents in pieces of at most {@link BATCH_LENGTH}. */
function* batches(extents: ExtentList): Generator<{ position: number; length: number }> {
  for (const { start, end } of extents) {
    for (let position = start; position < end; position += BATCH_LENGTH) {
      yield { position, length: Math.min(BATCH_LENGTH, end - position) };
    }
  }
}

/** Returns the length of the longest batch, in whole blocks: the last one of a file may be short. */
function longestBatch(extents: ExtentList): number {
  let longest = 1;
  for (const { start, end } of extents) longest = Math.max(longest, end - start);
  return Math.min(Math.ceil(longest / DEFAULT_BLOCK_SIZE) * DEFAULT_BLOCK_SIZE, BATCH_LENGTH);
}

/** Shows the bottleneck until the process ends. */
function showBottleneck({ progress, spent }: LocalContext): void {
  const timeSpent = new RecentTimeSpent();
  const timer = setInterval(() => {
    timeSpent.add(spent());
    const { recent } = timeSpent;
    progress.bottleneck = recent && { ...localBottleneck(recent), host: null };
  }, BOTTLENECK_MILLISECONDS);
  timer.unref();
}

/** @throws UsageError for two ends that cannot be made equal by writing blocks */
function refuseUnequalSizes({ source: from, destination: to }: LocalOptions, ends: Ends): void {
  const { source, destination } = ends;
  if (destination.size !== source.size) {
    throw new UsageError(
      `the source ${from} has ${source.size} bytes and the destination ${to} has ${destination.size}`,
      adviceOnSizes(ends),
    );
  }
}

/** Never suggests to shrink a destination: if it is larger, the two may have been swapped. */
function adviceOnSizes({ source, destination, sink }: Ends): string {
  if (destination.size > source.size) {
    return "check that they are not swapped; --allow-larger leaves the end of a larger destination alone";
  }
  return sink.isDevice
    ? "give a device that is as large as the source"
    : "--create or --truncate makes the destination as long";
}
