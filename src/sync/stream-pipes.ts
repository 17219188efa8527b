import type { Part } from "../blocks/part.ts";
import { encodeRangeList } from "../protocol/range-list.ts";
import type { ExtentList } from "../ranges/extents.ts";
import { ALL_DONE } from "../stages/save/write-and-sync.ts";
import type { AnyPipe, Pipe } from "../transport/processes/pipes.ts";
import { Pace, paced } from "../transport/streams/pace.ts";
import type { Take } from "../transport/streams/pump.ts";
import type { Gather } from "./gather/gather.ts";
import type { Side } from "./side.ts";
import type { CopyOptions } from "./stage-arguments.ts";

/** Returns the parts of a copy, one per stream; one undefined part for a copy that is not divided. */
export function partsOf({ streams = 1, dryRun }: CopyOptions): (Part | undefined)[] {
  const count = dryRun ? 1 : streams;
  return count === 1
    ? [undefined]
    : Array.from({ length: count }, (_, place) => ({ number: place + 1, count }));
}

/** Both sides of a stream, as far as others wait for them. */
interface Awaited {
  to: Pick<Side, "begun" | "queue">;
  from: Pick<Side, "begun">;
}

/**
 * Returns the promise that one of several streams waits for before it starts. The first stream claims the destination before others write
 * to it, makes the queue of parts, and finds the size of the source. Without a queue, only the last one may make a file longer, so all others
 * must have divided the file at its old length by then.
 */
export function startAfter(
  place: number,
  streams: readonly Awaited[],
): Promise<unknown> | undefined {
  const [first] = streams;
  if (place === 0 || first === undefined) {
    return undefined;
  }
  const isLast = place === streams.length - 1;
  return Promise.all([first.to.begun, first.from.begun]).then(() =>
    isLast && first.to.queue === undefined
      ? Promise.all(streams.slice(0, place).map(({ to }) => to.begun))
      : undefined,
  );
}

/** The words of an incremental copy that this process adds to the streams. */
interface Exchanged {
  /** Yields what the source reads before the hash stream. */
  description(): AsyncIterable<Uint8Array>;
  /** Yields what the destination reads before the block stream. */
  ranges(): AsyncIterable<Uint8Array>;
  /** Returns what the source reads after the hash stream once the destination has succeeded; undefined for nothing. */
  verdict(): string | undefined;
}

/** Details of the pipes from sources to destinations. */
export interface PipeOptions {
  /** Returns the bytes that a destination reads first; undefined for none. */
  preface: (() => Pipe["preface"]) | undefined;
  /** True if both ends are remote. A local stage notices when this process has gone; ssh does not, so one pipe passes through this process. */
  relayed: boolean;
  take: Take | undefined;
  /** The words that the stages of an incremental copy say to each other through this process. */
  exchange?: Exchanged | undefined;
}

/** Returns the places of the programs of a stream, which are next to each other. */
export function placesOf(stream: number): { destination: number; source: number } {
  return { destination: 2 * stream, source: 2 * stream + 1 };
}

/**
 * Returns the pipes of a stream: from its destination to its source and back. The destination of the first one, which has the claim, is told
 * when the others are done.
 *
 * @param stream its place among the streams
 * @param streams the number of streams
 */
export function pipesOf(
  stream: number,
  streams: number,
  { relayed, preface, take, exchange }: PipeOptions,
): Pipe[] {
  const others = Array.from({ length: 2 * streams - 2 }, (_, place) => place + 2);
  const { destination, source } = placesOf(stream);
  const epilogue = stream === 0 && streams > 1 && { after: others, text: ALL_DONE };
  return [
    {
      from: destination,
      to: source,
      ...(exchange && {
        preface: exchange.description(),
        epilogue: { after: [], text: () => exchange.verdict() },
      }),
    },
    {
      from: source,
      to: take ?? destination,
      relayed,
      preface: exchange?.ranges() ?? preface?.(),
      ...(epilogue && { epilogue }),
    },
  ];
}

/** Returns the pipes of a copy with one destination, whose program comes first, and several sources: they pass through this process. */
export function pipesOfGather(gather: Gather, streams: number): AnyPipe[] {
  const sources = Array.from({ length: streams }, (_, stream): AnyPipe[] => {
    const place = stream + 1;
    return [
      { feed: gather.digestsFor(stream), to: place },
      { from: place, to: gather.answerTo(stream), closed: () => gather.answerClosed(stream) },
    ];
  });
  return [{ from: 0, to: gather.takeDigests, closed: gather.digestsClosed }, ...sources.flat()];
}

/** Returns the function that encodes the list of extents, which each destination reads before the blocks, at the rate of `--bwlimit`. */
export function rangeListOf(
  extents: ExtentList | undefined,
  { bwlimit }: CopyOptions,
): PipeOptions["preface"] {
  if (extents === undefined) {
    return undefined;
  }
  // All streams together keep to the rate.
  const pace = bwlimit === undefined ? undefined : new Pace(bwlimit);
  return () => paced(encodeRangeList(extents), pace);
}
