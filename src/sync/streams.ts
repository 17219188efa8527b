import type { Cancellation } from "../blocks/cancellation.ts";
import { type PipelineResult, runPipeline } from "../transport/processes/pipeline.ts";
import type { AnyPipe, ControlPipe, Pipe } from "../transport/processes/pipes.ts";
import type { ProgramEnd, ProgramGroup } from "../transport/processes/program.ts";
import { type Cause, causeOf, followsAnother } from "./failures/which-failed.ts";
import type { Sent } from "./connection/host-lines.ts";
import type { SidePair } from "./copy-view.ts";
import { Exchange } from "./exchange.ts";
import type { Gather } from "./gather/gather.ts";
import { failureOf } from "./failures/failure.ts";
import {
  canBeLost,
  type EndedStream,
  LostConnections,
  mayBeLost,
} from "./failures/lost-connection.ts";
import { Listener, type SyncContext } from "./listener.ts";
import type { Side } from "./side.ts";
import { Silence } from "./silence.ts";
import { pipesOf, pipesOfGather, placesOf, rangeListOf } from "./stream-pipes.ts";
import {
  type CopyPlan,
  isLinked,
  joinable,
  type ProgramOptions,
  programsOf,
  sidesOf,
  type Stream,
  streamsOf,
  writesDestination,
} from "./stream-programs.ts";
import { controlPipes } from "./tunnel/control-pipes.ts";

/** The end of all stages of a copy. */
export interface StreamsEnd {
  streams: readonly SidePair[];
  /** The program that failed, if one did. */
  cause: Cause | undefined;
}

/** Makes the pipes of a stream, by its place among the streams. */
type PipesAt = (place: number) => readonly (Pipe | ControlPipe)[];

/**
 * Runs `retrieve` at the source and `receive` at the destination for each part of the copy, joined by pipes.
 *
 * @param sent what may be run on hosts without blockcopy
 * @throws SyncError for a side of an incompatible version; UsageError if both sides are the same file or device; CancelledError
 */
export async function runStreams(
  context: SyncContext,
  plan: CopyPlan,
  sent: Sent,
): Promise<StreamsEnd> {
  const { remote, copy } = plan;
  const { native, cancellation } = context;
  if (cancellation.requested) {
    throw cancellation.error();
  }
  const streams = streamsOf(plan);
  const link = { linked: isLinked(plan), limited: copy.bwlimit !== undefined };
  const listener = new Listener(context, streams, { ...link, refuses: plan.refuses });
  const silence = new Silence({
    timeout: remote.timeout,
    warn: context.warn,
    giveUp: (error) => listener.giveUp(error),
  });
  const lost = new LostConnections(context.warn);
  const writes = writesDestination(plan);
  const isReplaceable = (side: Side): boolean =>
    writes && !(side.hasBegun && lost.areTooMany) && canBeLost(side) && hasSuccessor(side, streams);
  const observers = { listener, silence, isReplaceable };
  const options = { plan, sent, streams, observers, says: context };
  const programs = streams.flatMap((_, place) => programsOf(options, place));
  const pipesAt = pipeMaker(context, plan, streams);
  const pipes =
    plan.gather === undefined
      ? streams.flatMap((_, place) => pipesAt(place))
      : gatheredPipes(plan.gather(), streams);
  const run = (): Promise<PipelineResult> =>
    runPipeline(native, programs, pipes, {
      abort: listener.refused,
      ...(writes && { cancel: cancellation.signal }),
      groups: writes ? groupsOf(options, pipesAt, lost) : [],
    });
  const { statuses, firstFailed } = await (writes ? cancellation.during(run) : run());
  if (listener.refused.aborted) {
    throw listener.refused.reason;
  }
  if (firstFailed === undefined) {
    return { streams, cause: undefined };
  }
  // In the order of the programs.
  const sides = [...new Set(streams.flatMap(({ to, from }) => [to, from]))];
  const cause = causeOf(sides, statuses, firstFailed);
  if (cancellation.requested) {
    throw cancelledError(cancellation, streams, cause, context.warn);
  }
  return { streams, cause: lost.causeOf(cause) };
}

/** Returns what makes the pipes of a stream: those for its data, or its control channels if it has a direct connection. */
function pipeMaker(context: SyncContext, plan: CopyPlan, streams: readonly Stream[]): PipesAt {
  const { source, destination, remote, copy, extents, take, tunnel } = plan;
  const preface = rangeListOf(extents, copy);
  if (tunnel !== undefined) {
    return controlPipes(streams, { source, destination, remote, tunnel, preface });
  }
  const piping = {
    relayed: source.kind === "remote" && destination.kind === "remote",
    preface,
    take,
    exchange: exchangeOf(context, plan, streams),
  };
  return (place) => pipesOf(place, streams.length, piping);
}

/** Returns the pipes of streams that are gathered. */
function gatheredPipes(gather: Gather, streams: readonly Stream[]): AnyPipe[] {
  for (const { from } of streams) {
    // Nothing makes this true, so it fails when the program of that side ends.
    from.until(() => false).catch(() => gather.sourceEnded());
  }
  return pipesOfGather(gather, streams.length);
}

/** True if new stages can take the place of those of a side's stream, as far as another stream has what they need. */
function hasSuccessor(side: Side, streams: readonly Stream[]): boolean {
  const place = streams.findIndex(({ to, from }) => to === side || from === side);
  return streams[place]?.to.process !== undefined && joinable(place, streams) !== undefined;
}

/** Returns the groups of programs that are replaced together: the two of each stream, if there are several streams. */
function groupsOf(
  options: ProgramOptions,
  pipesAt: PipesAt,
  lost: LostConnections,
): ProgramGroup[] {
  const { streams, plan } = options;
  const group = (stream: Stream, place: number): ProgramGroup => {
    const { destination, source } = placesOf(place);
    const isJoinable = (): boolean => joinable(place, streams) !== undefined;
    const sideAt = (at: number): Side => (at === source ? stream.from : stream.to);
    const endedStream = (ended: readonly ProgramEnd[]): EndedStream => ({
      number: place + 1,
      count: streams.length,
      ends: ended.map(({ place: at, status }) => ({ side: sideAt(at), status })),
      isJoinable: isJoinable(),
    });
    return {
      places: [destination, source],
      mayBeLost: (at, status) => isJoinable() && mayBeLost(sideAt(at), status),
      pause: (ended) => lost.pauseAfter(endedStream(ended)),
      replace: (ended) => {
        if (!lost.mayReplace(endedStream(ended))) {
          return undefined;
        }
        Object.assign(stream, sidesOf(plan, stream));
        return { programs: programsOf(options, place), pipes: pipesAt(place) };
      },
    };
  };
  return streams.length === 1 ? [] : streams.map(group);
}

/** Returns what the stages of an incremental copy say to each other; undefined for another copy. */
function exchangeOf(
  says: SyncContext,
  { copy }: CopyPlan,
  [stream]: readonly Stream[],
): Exchange | undefined {
  return copy.incremental === undefined || stream === undefined
    ? undefined
    : new Exchange(stream, { copy, says });
}

/** Makes the error of a cancelled copy. If a stage has failed by itself, for instance because of its disk, that is the error. */
function cancelledError(
  cancellation: Cancellation,
  streams: readonly Stream[],
  cause: Cause,
  warn: SyncContext["warn"],
): Error {
  const { error } = cause.side;
  const ownFailure = error?.consequence === false && !followsAnother(error);
  if (ownFailure && error.synced === undefined) {
    return failureOf(cause, warn);
  }
  const synced = streams.map(({ to }) =>
    to.hasBegun || to.before !== undefined ? syncedBy(to) : 0,
  );
  cancellation.synced = synced.reduce(
    (sum, bytes) => (sum === undefined || bytes === undefined ? undefined : sum + bytes),
    0,
  );
  return cancellation.error();
}

/** Bytes that a stage has written and synced; undefined if it has not told. A stage that succeeded before the others reports it in its `end` event. */
function syncedBy({ error, report, before }: Side): number | undefined {
  if (before !== undefined) {
    // The one before has written too, and could not tell.
    return undefined;
  }
  return error === undefined ? report?.proof?.changed : error.synced;
}
