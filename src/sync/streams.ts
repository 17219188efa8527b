import { SIGNAL_EXIT_CODES } from "../errors/exit-codes.ts";
import type { Part } from "../blocks/part.ts";
import type { Cancellation } from "../blocks/cancellation.ts";
import type { ExtentList } from "../ranges/extents.ts";
import {
  type Program,
  type PipelineResult,
  runPipeline,
  type Within,
} from "../transport/processes/pipeline.ts";
import type { Take } from "../transport/streams/pump.ts";
import type { Sending } from "./bootstrap/sending.ts";
import { type Cause, causeOf } from "./failures/which-failed.ts";
import { type Endpoint, hostLabel } from "./connection/endpoint.ts";
import {
  commandText,
  loginCommandOf,
  type RemoteOptions,
  stageCommand,
} from "./connection/remote-command.ts";
import type { Sent } from "./connection/host-lines.ts";
import type { SidePair } from "./copy-view.ts";
import { Exchange } from "./exchange.ts";
import { failureOf } from "./failures/failure.ts";
import { Listener, type SyncContext } from "./listener.ts";
import { Side } from "./side.ts";
import { Silence } from "./silence.ts";
import { type CopyOptions, receiveArguments, retrieveArguments } from "./stage-arguments.ts";
import { type Observers, stageProgram } from "./stage-program.ts";
import { partsOf, rangeListOf, startAfter, streamPipes } from "./stream-pipes.ts";
import { controlPipes } from "./tunnel/meetings.ts";
import type { TunnelOptions } from "./tunnel/tunnel-options.ts";

/** The ends of a copy, and its options. */
export interface CopyPlan {
  source: Endpoint;
  destination: Endpoint;
  remote: RemoteOptions;
  copy: CopyOptions;
  /** The ranges of the destination to look at; undefined for those that the options select. */
  extents?: ExtentList | undefined;
  /** Takes the block stream instead of the destination. */
  take?: Take;
  /** Reads the source within this process, in the place of a stage. */
  retrieve?: Within | undefined;
  /** Returns the reason to refuse a side that has opened its file. */
  refuses?: ((side: Side) => Error | undefined) | undefined;
  /** Send digests and blocks over direct connections; undefined for ssh. */
  tunnel?: TunnelOptions | undefined;
  /** Shared by all copies of a run that send this program to hosts; undefined for a single copy. */
  sending?: Sending | undefined;
}

/** The end of all stages of a copy. */
export interface StreamsEnd {
  streams: readonly SidePair[];
  /** The program that failed, if one did. */
  cause: Cause | undefined;
}

/** The sides of one stream, and the part of the copy that it has. */
interface Stream extends SidePair {
  part: Part | undefined;
}

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
  const { source, destination, remote, copy, extents, take, tunnel } = plan;
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
  const programs = programsOf(context, plan, sent, { streams, listener, silence });
  const preface = rangeListOf(extents, copy);
  const pipes =
    tunnel === undefined
      ? streamPipes(streams.length, {
          relayed: source.kind === "remote" && destination.kind === "remote",
          preface,
          take,
          exchange: exchangeOf(context, plan, streams),
        })
      : controlPipes(streams, { source, destination, remote, tunnel, preface });
  const writes = writesDestination(plan);
  const run = (): Promise<PipelineResult> =>
    runPipeline(native, programs, pipes, {
      abort: listener.refused,
      ...(writes && { cancel: cancellation.signal }),
    });
  const { statuses, firstFailed } = await (writes ? cancellation.during(run) : run());
  if (listener.refused.aborted) {
    throw listener.refused.reason;
  }
  if (firstFailed === undefined) {
    return { streams, cause: undefined };
  }
  const cause = causeOf(
    streams.flatMap(({ to, from }) => [to, from]),
    statuses,
    firstFailed,
  );
  if (cancellation.requested) {
    throw cancelledError(cancellation, streams, cause, context.warn);
  }
  return { streams, cause };
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

function isLinked({ source, destination }: CopyPlan): boolean {
  return source.kind === "remote" || destination.kind === "remote";
}

function writesDestination({ copy, take }: CopyPlan): boolean {
  return !copy.dryRun && take === undefined;
}

function streamsOf({ source, destination, remote, copy }: CopyPlan): Stream[] {
  const requiredVerify = copy.dryRun || copy.delta !== undefined ? "none" : copy.verify;
  return partsOf(copy).map((part) => ({
    part,
    to: new Side(destination, "destination", {
      other: source,
      requiredVerify,
      mustAudit: copy.audit !== undefined,
      loginCommand: loginCommandOf(destination, remote),
    }),
    from: new Side(source, "source", {
      other: destination,
      loginCommand: loginCommandOf(source, remote),
    }),
  }));
}

/** Returns the programs of all streams, the destination of each before its source. */
function programsOf(
  { debug }: SyncContext,
  plan: CopyPlan,
  sent: Sent,
  { streams, ...observers }: Observers & { streams: readonly Stream[] },
): Program[] {
  const { copy, tunnel, retrieve } = plan;
  const direct = tunnel === undefined ? [] : ["--tunnel"];
  const remote = { ...plan.remote, ownConnection: streams.length > 1 };
  const writes = writesDestination(plan);
  const destinations = streams.map(({ to }) => to);
  const program = (side: Side, stage: () => readonly string[], place: number): Program => {
    const commandOf = (options: RemoteOptions): [string, ...string[]] =>
      stageCommand(side.end, stage(), options, sent);
    const command = (): [string, ...string[]] => {
      debug(`${hostLabel(side.end)}: ${commandText(side.end, remote, commandOf)}`);
      return commandOf(remote);
    };
    // Its options are known only when it is started, but a host that cannot be connected to is refused now.
    stageCommand(side.end, [], remote, sent);
    const after = startAfter(place, destinations);
    return {
      ...stageProgram(side, command, observers),
      ...(side.role === "source" && { within: retrieve }),
      ...(after !== undefined && { startAfter: after }),
      ...(writes && roleInCancellation(side)),
      ...(side.role === "source" && { tidiesUp: copy.snapshot !== "none" }),
    };
  };
  const queue = (): string | undefined => destinations[0]?.queue;
  return streams.flatMap(({ to, from, part }, place) => [
    program(to, () => [...receiveArguments(copy, part, queue()), ...direct], place),
    program(from, () => [...retrieveArguments(copy, { linked: isLinked(plan) }), ...direct], place),
  ]);
}

function roleInCancellation({ role, end }: Side): Pick<Program, "isProducer" | "writesDisk"> {
  return role === "source"
    ? { isProducer: true }
    : { writesDisk: end.kind === "local" ? "here" : "elsewhere" };
}

/** Makes the error of a cancelled copy. If a stage has failed by itself, for instance because of its disk, that is the error. */
function cancelledError(
  cancellation: Cancellation,
  streams: readonly Stream[],
  cause: Cause,
  warn: SyncContext["warn"],
): Error {
  const { error } = cause.side;
  const ownFailure = error?.consequence === false && !SIGNAL_EXIT_CODES.includes(error.code);
  if (ownFailure && error.synced === undefined) {
    return failureOf(cause, warn);
  }
  // A stage reports `begin` before it asks for blocks: without it, nothing was written.
  const synced = streams.map(({ to }) => (to.hasBegun ? syncedBy(to) : 0));
  cancellation.synced = synced.reduce(
    (sum, bytes) => (sum === undefined || bytes === undefined ? undefined : sum + bytes),
    0,
  );
  return cancellation.error();
}

/** Bytes that a stage has written and synced; undefined if it has not told. A stage that succeeded before the others reports it in its `end` event. */
function syncedBy({ error, report }: Side): number | undefined {
  return error === undefined ? report?.proof?.changed : error.synced;
}
