import type { Part } from "../blocks/part.ts";
import type { ExtentList } from "../ranges/extents.ts";
import type { Program, Within } from "../transport/processes/program.ts";
import type { Take } from "../transport/streams/pump.ts";
import type { Sending } from "./bootstrap/sending.ts";
import { type Endpoint, hostLabel } from "./connection/endpoint.ts";
import type { Sent } from "./connection/host-lines.ts";
import { loginTo, type StageLogin } from "./connection/login.ts";
import {
  commandText,
  loginCommandOf,
  type RemoteOptions,
  stageCommand,
} from "./connection/remote-command.ts";
import { hasClaim } from "../ui/programs/stream-share.ts";
import type { Gather } from "./gather/gather.ts";
import type { SidePair } from "./copy-view.ts";
import type { SyncContext } from "./listener.ts";
import { Side } from "./side.ts";
import { type CopyOptions, receiveArguments, retrieveArguments } from "./stage-arguments.ts";
import { type Observers, stageProgram } from "./stage-program.ts";
import { partsOf, startAfter } from "./stream-pipes.ts";
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
  /** Makes what takes the block streams of several sources instead of one destination. */
  gather?: () => Gather;
  /** Makes work of this process that reads the source in the place of a stage. `direct` asks for a direct connection, as `--tunnel` does. */
  retrieve?: ((how: { direct: boolean }) => Within) | undefined;
  /** Returns the reason to refuse a side that has opened its file. */
  refuses?: ((side: Side) => Error | undefined) | undefined;
  /** Send digests and blocks over direct connections; undefined for ssh. */
  tunnel?: TunnelOptions | undefined;
  /** Shared by all copies of a run that send this program to hosts; undefined for a single copy. */
  sending?: Sending | undefined;
}

/** The sides of one stream, and the part of the copy that it has. */
export interface Stream extends SidePair {
  part: Part | undefined;
}

/** Returns the streams of a copy. Those that are gathered have one destination. */
export function streamsOf(plan: CopyPlan): Stream[] {
  const { to } = sidesOf(plan);
  return partsOf(plan.copy).map((part) => ({
    part,
    ...sidesOf(plan),
    ...(plan.gather !== undefined && { to }),
  }));
}

/**
 * Returns both sides of a stream.
 *
 * @param before the sides whose place they take
 */
export function sidesOf(
  { source, destination, remote, copy }: CopyPlan,
  before?: SidePair,
): SidePair {
  const requiredVerify = copy.dryRun || copy.delta !== undefined ? "none" : copy.verify;
  const from = { end: source, loginCommand: loginCommandOf(source, remote) };
  const to = { end: destination, loginCommand: loginCommandOf(destination, remote) };
  return {
    to: new Side(destination, "destination", {
      other: from,
      requiredVerify,
      mustAudit: copy.audit !== undefined,
      loginCommand: to.loginCommand,
      before: before?.to,
    }),
    from: new Side(source, "source", {
      other: to,
      loginCommand: from.loginCommand,
      before: before?.from,
    }),
  };
}

/** True if an end of the copy is on another host. */
export function isLinked({ source, destination }: CopyPlan): boolean {
  return source.kind === "remote" || destination.kind === "remote";
}

/** True if the copy writes to its destination. */
export function writesDestination({ copy }: CopyPlan): boolean {
  return !copy.dryRun && copy.delta === undefined;
}

/** The copy that programs are made for. */
export interface ProgramOptions {
  plan: CopyPlan;
  /** The program that may be run on hosts without blockcopy. */
  sent: Sent;
  streams: readonly Stream[];
  observers: Observers;
  says: Pick<SyncContext, "warn" | "debug">;
}

/** Returns the programs of a stream, the destination before the source. A destination that several streams share is a program of the first one. */
export function programsOf(options: ProgramOptions, place: number): Program[] {
  const { plan, streams } = options;
  const { copy, tunnel } = plan;
  const stream = streams[place];
  if (stream === undefined) {
    throw new RangeError(`there is no stream ${place}`);
  }
  const { to, from, part } = stream;
  const direct = tunnel === undefined ? [] : ["--tunnel"];
  const receive = (): string[] => {
    if (plan.gather !== undefined) {
      return receiveArguments({ ...copy, streams: undefined });
    }
    const queue = queueFor(place, streams);
    return [...receiveArguments(copy, { part, queue, replaces: to.before?.process }), ...direct];
  };
  const retrieve = (): string[] => [
    ...retrieveArguments(copy, { linked: isLinked(plan), size: sizeFor(place, streams) }),
    ...direct,
  ];
  // New programs open a queue that is there already. They must not wait for those of the first stream, which may be lost before they begin.
  const begun = to.before === undefined ? startAfter(place, streams) : undefined;
  const start = { ...(begun !== undefined && { startAfter: begun }) };
  const source = { ...programOf(options, from, retrieve), ...start };
  return plan.gather !== undefined && place > 0
    ? [source]
    : [{ ...programOf(options, to, receive), ...start }, source];
}

/** Returns the size of the source that a stream has to copy; undefined for the first one, which finds it. */
function sizeFor(place: number, [first]: readonly Stream[]): number | undefined {
  return place === 0 && first?.from.before === undefined ? undefined : first?.from.size;
}

/**
 * Returns the queue that a stream opens, by its name in a stage of another one that runs. Undefined for the first stream, which makes the
 * queue, and for fixed parts.
 *
 * @throws TypeError if a new process of a stream would get none: without a queue, it would not wait for the process that it replaces
 */
function queueFor(place: number, streams: readonly Stream[]): string | undefined {
  const isNew = streams[place]?.to.before !== undefined;
  if (place === 0 && !isNew) {
    return undefined;
  }
  const found = joinable(place, streams) ?? lastQueue(place, streams);
  if (isNew && found === undefined) {
    throw new TypeError("the queue of the copy has no name");
  }
  return found;
}

/**
 * Returns the last known name of the queue, for when no stage that has it runs any more: a login may have taken a while. What cannot open
 * it by that name says so, and writes nothing.
 */
function lastQueue(place: number, streams: readonly Stream[]): string | undefined {
  const known = streams.flatMap(({ to }) => withEarlier(to)).flatMap(({ queue }) => queue ?? []);
  return known.find((queue) => isFor(place, queue));
}

/** Returns a side, and those whose place it takes, the latest first. */
function withEarlier(side: Side): Side[] {
  return side.before === undefined ? [side] : [side, ...withEarlier(side.before)];
}

/**
 * Returns the queue by its name in a running stage of another stream, from which a new process can take the place of a lost one: in that of the
 * first stream, or else in one that shares its claim. Only one with that claim will do for the first stream itself.
 */
export function joinable(place: number, streams: readonly Stream[]): string | undefined {
  const others = streams.filter((_, other) => other !== place);
  const running = others.flatMap(({ to, from }) =>
    to.isRunning && from.silence === undefined ? (to.queue ?? []) : [],
  );
  return running.find((queue) => isFor(place, queue));
}

/** True if a stream can open the queue by this name: the first one needs the claim of that process too. */
function isFor(place: number, queue: string): boolean {
  return place !== 0 || hasClaim(queue);
}

function programOf(
  { plan, sent, streams, observers, says: { warn, debug } }: ProgramOptions,
  side: Side,
  stage: () => readonly string[],
): Program {
  const { copy, retrieve, tunnel } = plan;
  const remote = { ...plan.remote, ownConnection: streams.length > 1 };
  const commandOf = (options: RemoteOptions): [string, ...string[]] =>
    stageCommand(side.end, stage(), options, sent);
  const command = (): [string, ...string[]] => {
    debug(`${hostLabel(side.end)}: ${commandText(side.end, remote, commandOf)}`);
    return commandOf(remote);
  };
  // Its options are known only when it is started, but a host that cannot be connected to is refused now.
  stageCommand(side.end, [], remote, sent);
  return {
    ...stageProgram(side, { command, login: loginOf(side, remote, warn) }, observers),
    ...(side.role === "source" && { within: retrieve?.({ direct: tunnel !== undefined }) }),
    ...(writesDestination(plan) && roleInCancellation(side)),
    ...(side.role === "source" && { tidiesUp: copy.snapshot !== "none" }),
  };
}

function loginOf(
  { end, lastLines }: Side,
  remote: RemoteOptions,
  warn: SyncContext["warn"],
): StageLogin | undefined {
  return end.kind === "local" ? undefined : loginTo(end, remote, { lastLines, warn });
}

function roleInCancellation(side: Side): Pick<Program, "isProducer" | "writesDisk" | "hasBegun"> {
  return side.role === "source"
    ? { isProducer: true }
    : {
        writesDisk: side.end.kind === "local" ? "here" : "elsewhere",
        hasBegun: () => side.hasBegun,
      };
}
