import { UsageError } from "../errors/copy-error.ts";
import type * as Binding from "../native/binding.js";
import { DEFAULT_BLOCK_SIZE } from "../protocol/limits.ts";
import type { StageContext } from "../blocks/context.ts";
import { adviseOnMissing, refuseFileAmongDevices } from "../stages/save/destination.ts";
import { refuseOverlap } from "../stages/retrieve/overlap.ts";
import { checkSpace, dataLength, refuseEmpty } from "../blocks/capacity.ts";
import { Sequence } from "../blocks/sequence.ts";
import { batchesInFlight, Slots } from "../blocks/slots.ts";
import { reportWriter } from "../stages/retrieve/source-in-use.ts";
import { ChangeMap } from "../ui/change-map.ts";
import type { CopyState } from "../ui/copy-state.ts";
import type { TimeSpent } from "../ui/event-lines.ts";
import { NO_COUNTS } from "../ui/progress.ts";
import { limitingAlone, SpentLately } from "./limiting.ts";
import { type CopyResult, summaryOf } from "./copy-result.ts";
import { sameError } from "./same.ts";

/** Bytes of each side that are compared together. */
const BATCH_LENGTH = 16 * DEFAULT_BLOCK_SIZE;

/** So often it is looked at what it waits for. */
const LOOK_MILLISECONDS = 500;

/** What to make equal. */
export interface LocalOptions {
  /** File or device to copy from. */
  source: string;
  /** File or device to copy to. It must exist and be as large as the source. */
  destination: string;
  /** Write even to a device that is mounted or held. */
  force: boolean;
  /** Lock the destination. */
  lock: boolean;
  /** Make blocks of zeros holes where the destination can have any. */
  sparse: boolean;
  /** Take note of where they differ. */
  map: boolean;
}

/** What a copy works with: also what this program has spent so far. */
export type LocalContext = StageContext & { progress: CopyState; spent: () => TimeSpent };

/**
 * Makes a file or device equal to another one on the same machine: reads both and writes the blocks that differ. Done
 * when they are on the disk.
 *
 * @throws UsageError, CancelledError, the engine's failures
 */
export async function syncLocal(context: LocalContext, options: LocalOptions): Promise<CopyResult> {
  const { native, engine, direct, progress, cancellation, debug } = context;
  const begun = performance.now();
  const source = await engine.openSource(options.source, direct);
  const { destination, force, lock } = options;
  const opening = { force, create: false, lock, direct };
  const sink = await engine.openSink(destination, opening).catch(adviseOnMissing);
  const target = await engine.openReader(sink, direct);
  refuseFileAmongDevices(options.destination, sink);
  if (source.isSameAs(target)) {
    throw sameError(options.source, destination);
  }
  await refuseOverlap(context, source, await engine.storageOf(target));
  refuseEmpty(options.source, source);
  refuseEmpty(options.destination, sink);
  refuseUnlike(options, source, target, sink);
  // Holes of the destination take room too when they are filled.
  const data = options.sparse ? undefined : await dataLength(context, source);
  checkSpace(sink, options.destination, source.size, data);
  debug(`${options.source}: ${source.size} bytes, ${source.description}`);
  debug(`${options.destination}: ${target.size} bytes, ${target.description}, ${sink.description}`);

  await reportWriter(context, options.source, source, context.warn);
  progress.begin(source.size);
  const slots = new Slots(native, batchesInFlight(engine, 2 * BATCH_LENGTH), 2 * BATCH_LENGTH);
  const sequence = new Sequence();
  const total: Binding.Update = { blocks: 0, changed: 0 };
  const map = options.map ? new ChangeMap(source.size) : undefined;
  const spent = new SpentLately();
  const timer = setInterval(() => {
    spent.add(context.spent());
    const { lately } = spent;
    progress.limit = lately && { ...limitingAlone(lately), host: null };
  }, LOOK_MILLISECONDS);
  timer.unref();
  const compareAll = async (): Promise<void> => {
    for (
      let position = 0;
      position < source.size && !cancellation.requested;
      position += BATCH_LENGTH
    ) {
      const length = Math.min(BATCH_LENGTH, source.size - position);
      const slot = await slots.take(2 * length);
      const updated = engine.update({ source, target, sink }, slots.slab, slot.index, {
        position,
        length,
        blockLength: DEFAULT_BLOCK_SIZE,
        sparse: options.sparse,
      });
      sequence.add(updated, ({ blocks, changed }) => {
        total.blocks += blocks;
        total.changed += changed;
        slots.release(slot);
        map?.add(position, length, changed);
        progress.count("blocks", blocks);
        progress.count("changed", changed);
        progress.advance(length);
      });
    }
    sequence.end();
  };
  await cancellation.during(async () => {
    await Promise.all([compareAll(), sequence.finished]);
    debug(`${total.changed} bytes replaced, waiting for the disk`);
    await engine.sync(sink);
  });
  if (progress.work.done < source.size) {
    cancellation.synced = total.changed;
    throw cancellation.error();
  }
  const seconds = (performance.now() - begun) / 1000;
  const counts = { ...NO_COUNTS, ...total };
  const how = { verified: null, dryRun: false, seconds, linked: false };
  return { summary: summaryOf(source.size, counts, how), map };
}

/**
 * Two that cannot be made equal by writing blocks.
 *
 * @throws UsageError
 */
function refuseUnlike(
  { source: from, destination: to }: LocalOptions,
  source: Binding.Source,
  target: Binding.Source,
  sink: Binding.Sink,
): void {
  if (target.size !== source.size) {
    throw new UsageError(
      `the source ${from} has ${source.size} bytes and the destination ${to} has ${target.size}`,
      adviceOnSizes(source, target, sink),
    );
  }
}

/** A destination that is too large may be the source of somebody who has swapped the two: no word of making it smaller. */
function adviceOnSizes(source: Binding.Source, target: Binding.Source, sink: Binding.Sink): string {
  if (target.size > source.size) {
    return "check that they are not swapped; --allow-larger leaves the end of a larger destination alone";
  }
  return sink.isDevice
    ? "give a device that is as large as the source"
    : "--truncate makes the destination as long";
}
