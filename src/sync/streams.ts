import { UsageError } from "../errors/copy-error.ts";
import { encodeRangeList, MAX_EXTENTS } from "../protocol/range-list.ts";
import type { Extent } from "../ranges/extents.ts";
import { Pace, paced } from "../transport/streams/pace.ts";
import type { ExitStatus } from "../transport/processes/child.ts";
import type { Take } from "../transport/streams/pump.ts";
import type { Part } from "../blocks/part.ts";
import type { Cancellation } from "../blocks/cancellation.ts";
import { ALL_DONE } from "../stages/save/receive-stream.ts";
import type { Pipe } from "../transport/processes/pipes.ts";
import { type PipelineResult, type Program, runPipeline } from "../transport/processes/pipeline.ts";
import type { Endpoint } from "./connection/endpoint.ts";
import { type Cause, causeOf, failureOf } from "./failure.ts";
import {
  commandText,
  type RemoteOptions,
  reachOf,
  stageCommand,
  whereIs,
} from "./connection/remote-command.ts";
import type { Kept } from "./connection/remote-shell.ts";
import { Listener, type Shown } from "./listener.ts";
import { isDone } from "./proof.ts";
import { Side } from "./side.ts";
import { Silence } from "./silence.ts";
import { type CopyOptions, receiveWords, retrieveWords } from "./stage-arguments.ts";

/** What to make equal, and how. */
export interface CopyPlan {
  source: Endpoint;
  destination: Endpoint;
  remote: RemoteOptions;
  copy: CopyOptions;
  /** What of the destination to look at; undefined for what the options say. */
  extents?: readonly Extent[] | undefined;
  /** Takes the blocks, instead of the destination. */
  take?: Take;
}

/** The two sides of a stream. */
interface Stream {
  to: Side;
  from: Side;
}

/** How all stages of a copy ended. */
export interface StreamsEnd {
  streams: readonly Stream[];
  /** Where it failed, if it did. */
  cause: Cause | undefined;
}

/**
 * Runs `retrieve` where the source is and `receive` where the destination is, for each part of the copy, and joins them by pipes.
 *
 * @param kept what may run where blockcopy is not installed
 * @throws SyncError when a side is of a version that cannot be understood; UsageError when both sides are the same
 */
export async function runStreams(
  shown: Shown,
  { source, destination, remote, copy, extents, take }: CopyPlan,
  kept: Kept | undefined,
): Promise<StreamsEnd> {
  const { native, cancellation, debug } = shown;
  const linked = source.kind === "remote" || destination.kind === "remote";
  const both = source.kind === "remote" && destination.kind === "remote";
  const streams = partsOf(copy).map((part) => ({
    to: new Side(destination, "destination", {
      other: source,
      promised: copy.dryRun || copy.delta !== undefined ? "none" : copy.verify,
      reach: reachOf(destination, remote),
    }),
    from: new Side(source, "source", { other: destination, reach: reachOf(source, remote) }),
    receive: receiveWords(copy, part),
  }));
  const listener = new Listener(shown, streams, { linked, limited: copy.bwlimit !== undefined });
  const silence = new Silence({
    timeout: remote.timeout,
    warn: shown.warn,
    giveUp: (error) => listener.giveUp(error),
  });
  const way = { ...remote, ownConnection: streams.length > 1 };
  const writes = !copy.dryRun && take === undefined;
  const program = (side: Side, words: readonly string[], after?: Promise<unknown>): Program => {
    const commandOf = (by: RemoteOptions) => stageCommand(side.end, words, by, kept);
    const command = commandOf(way);
    debug(`${whereIs(side.end)}: ${commandText(side.end, way, commandOf)}`);
    const watch = silence.watch(side.end, `the stage at the ${side.role}`);
    const listen = listener.of(side);
    return {
      command,
      onStart: watch.begin,
      onLine: (text) => {
        watch.heard();
        listen(text);
        if (side.hello !== undefined) {
          watch.loggedIn();
        }
      },
      isDone: (end: ExitStatus) => {
        watch.end();
        return isDone(side, end);
      },
      ...(after !== undefined && { startAfter: after }),
      ...(writes && side.role === "source" && { isProducer: true }),
      ...(writes &&
        side.role === "destination" && {
          writesDisk: side.end.kind === "local" ? "here" : "elsewhere",
        }),
    };
  };
  const programs = streams.flatMap(({ to, from, receive }, place) => {
    const after = whenToStart(
      place,
      streams.map((stream) => stream.to.begun),
    );
    return [program(to, receive, after), program(from, retrieveWords(copy, linked), after)];
  });
  const run = (): Promise<PipelineResult> =>
    runPipeline(
      native,
      programs,
      joints(streams.length, { relayed: both, preface: prefaceOf(extents, copy), take }),
      { abort: listener.refused, ...(writes && { cancel: cancellation.signal }) },
    );
  const { statuses: ended, firstFailed: first } = await (writes ? cancellation.during(run) : run());
  if (listener.refused.aborted) {
    throw listener.refused.reason;
  }
  const sides = streams.flatMap(({ to, from }) => [to, from]);
  if (first !== undefined && cancellation.requested) {
    throw cancelledError(cancellation, streams, { sides, ended, first }, shown.warn);
  }
  return { streams, cause: first === undefined ? undefined : causeOf(sides, ended, first) };
}

/** The failure of a copy that was asked to end early: a failure of its own, such as that of a disk, comes first. */
function cancelledError(
  cancellation: Cancellation,
  streams: readonly Stream[],
  {
    sides,
    ended,
    first,
  }: { sides: readonly Side[]; ended: readonly (ExitStatus | undefined)[]; first: number },
  warn: Shown["warn"],
): Error {
  const cause = causeOf(sides, ended, first);
  const { error } = cause.side;
  if (error?.consequence === false && error.synced === undefined) {
    return failureOf(cause, warn);
  }
  // A stage says that it has begun before it asks for anything to write.
  const synced = streams.map(({ to }) => (to.hasBegun ? to.error?.synced : 0));
  cancellation.synced = synced.reduce(
    (sum, bytes) => (sum === undefined || bytes === undefined ? undefined : sum + bytes),
    0,
  );
  return cancellation.error();
}

/** The parts that a copy is cut into; one that is undefined, for the whole, where it is not. */
function partsOf({ streams = 1, dryRun }: CopyOptions): (Part | undefined)[] {
  const count = dryRun ? 1 : streams;
  return count === 1
    ? [undefined]
    : Array.from({ length: count }, (_, place) => ({ number: place + 1, count }));
}

/**
 * When one of several streams may start, which each tell when they have begun. Whoever has the destination claims it, before others write to
 * it too. The last one may make a file longer, so all others have to know by then which part of it, as long as it was, is theirs.
 */
function whenToStart(place: number, begun: readonly Promise<void>[]): Promise<unknown> | undefined {
  if (place === 0) {
    return undefined;
  }
  return place === begun.length - 1 ? Promise.all(begun.slice(0, place)) : begun[0];
}

/**
 * The pipes of so many streams: from each destination to its source and back. The first hears when the others are done, since it
 * has claimed the destination. A stage here hears of it when this process is gone; what connects to a host does not, so that of two
 * of these, one is on a leash.
 */
function joints(
  streams: number,
  { relayed, preface, take }: Pick<Pipe, "preface"> & { relayed: boolean; take: Take | undefined },
): Pipe[] {
  const others = Array.from({ length: 2 * streams - 2 }, (_, place) => place + 2);
  return Array.from({ length: streams }, (_, place): Pipe[] => {
    const [to, from] = [2 * place, 2 * place + 1];
    const last = place === 0 && streams > 1 && { epilogue: { after: others, text: ALL_DONE } };
    return [
      { from: to, to: from },
      { from, to: take ?? to, relayed, preface, ...last },
    ];
  }).flat();
}

/**
 * What the destination is told of itself before the blocks, no faster than these.
 *
 * @throws UsageError
 */
function prefaceOf(
  extents: readonly Extent[] | undefined,
  { bwlimit }: CopyOptions,
): AsyncIterable<Uint8Array> | undefined {
  if (extents === undefined) {
    return undefined;
  }
  if (extents.length > MAX_EXTENTS) {
    throw new UsageError(
      `the map has ${extents.length} ranges, more than ${MAX_EXTENTS}`,
      "merge ranges that lie close to each other, or scan without --ranges",
    );
  }
  return paced(encodeRangeList(extents), bwlimit === undefined ? undefined : new Pace(bwlimit));
}
