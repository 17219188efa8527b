import { UsageError } from "../../errors/copy-error.ts";
import type { StageContext } from "../../blocks/context.ts";
import { knownDigest, OWN_DIGEST } from "../../protocol/digest.ts";
import { DEFAULT_BLOCK_SIZE } from "../../protocol/limits.ts";
import type { KeepWarning } from "../../snapshots/snapshot.ts";
import { retrieveWithin } from "../../stages/retrieve/shared/retrieve-within.ts";
import { SharedSource } from "../../stages/retrieve/shared/shared-source.ts";
import type { Seat } from "../../stages/retrieve/shared/window.ts";
import type { Compress } from "../../stages/retrieve/compression.ts";
import type { RetrieveOptions } from "../../stages/retrieve/retrieve-options.ts";
import type { CopyState } from "../../ui/copy-state.ts";
import { Sending } from "../bootstrap/sending.ts";
import type { Endpoint } from "../connection/endpoint.ts";
import type { RemoteOptions } from "../connection/remote-command.ts";
import type { CopyResult } from "../copy-result.ts";
import { syncRemote } from "../remote.ts";
import type { Side } from "../side.ts";
import { type CopyOptions, sizesOf } from "../stage-arguments.ts";
import type { TunnelOptions } from "../tunnel/tunnel-options.ts";

/** One of several destinations. */
export interface Destination {
  /** Its number on the command line, from 1. */
  id: number;
  /** Its name, as given. */
  name: string;
  end: Endpoint;
}

/** A source on this host, its destinations, and the options that all of these copies have. */
export interface ManyPlan {
  source: string;
  destinations: readonly Destination[];
  remote: RemoteOptions;
  copy: CopyOptions;
  /** The compression for destinations on this host, and for those on others. */
  compress: { local: Compress; remote: Compress };
  /** Send digests and blocks to other hosts over direct connections; undefined for ssh. */
  tunnel: TunnelOptions | undefined;
}

/** Takes what happens to each destination. */
export interface ManyReports {
  /** Returns the output for a destination. */
  of(destination: Destination): Pick<StageContext, "warn" | "tell"> & { progress: CopyState };
  /** A destination is complete. */
  done(destination: Destination, result: CopyResult): void;
  /** A destination has failed. The others go on. */
  failed(destination: Destination, error: unknown): void;
}

/** The end of the copies to several destinations. */
export interface ManyEnd {
  /** The destinations that have failed, in the order of the command line. */
  failures: readonly { destination: Destination; error: unknown }[];
  /** Bytes of the source that were read, those that were read again for a destination that lags included. */
  bytesRead: number;
  /** The snapshots that could not be removed, in words. After a failure they have been told of. */
  left: string | undefined;
}

/**
 * Makes several destinations equal to a source on this host, which is read and hashed once for all of them. Each fails alone.
 *
 * @throws UsageError, SnapshotError, the engine's failures, if the source cannot be opened
 */
export async function copyToMany(
  context: StageContext,
  plan: ManyPlan,
  reports: ManyReports,
): Promise<ManyEnd> {
  const { destinations, copy } = plan;
  const left: string[] = [];
  const keep: KeepWarning = (warning) => left.push(warning);
  const options = retrieveOptions(context, plan, plan.compress.local);
  const digest = knownDigest(copy.digest ?? OWN_DIGEST) ?? OWN_DIGEST;
  const { blockSize = DEFAULT_BLOCK_SIZE } = copy;
  const opening = { destinations: destinations.length, hashing: { digest, blockSize }, keep };
  const shared = await SharedSource.open(context, options, opening).catch((error: unknown) => {
    left.forEach(context.alarm);
    throw error;
  });
  const begun = new Map<string, Destination>();
  const run = { context, plan, reports, shared, begun, sending: new Sending() };
  // All seats first: none may miss the beginning.
  const seats = destinations.map((destination) => ({ destination, seat: shared.join() }));
  const copyAll = (): Promise<unknown[]> =>
    Promise.all(seats.map(({ destination, seat }) => copyTo(run, destination, seat)));
  const errors = await (copy.dryRun ? copyAll() : context.cancellation.during(copyAll));
  const failures = destinations.flatMap((destination, at) =>
    errors[at] === undefined ? [] : [{ destination, error: errors[at] }],
  );
  await shared.close({ hasFailed: failures.length > 0, keep });
  if (failures.length > 0) {
    left.splice(0).forEach(context.alarm);
  }
  return {
    failures,
    bytesRead: shared.bytesRead,
    left: left.length === 0 ? undefined : left.join("; "),
  };
}

/** The copies to all destinations. */
interface ManyRun {
  context: StageContext;
  plan: ManyPlan;
  reports: ManyReports;
  shared: SharedSource;
  /** The destinations that have opened their file, by its identity. */
  begun: Map<string, Destination>;
  sending: Sending;
}

/** Copies to one destination. Returns its error; undefined after a success. */
async function copyTo(
  { context, plan, reports, shared, begun, sending }: ManyRun,
  destination: Destination,
  seat: Seat,
): Promise<unknown> {
  const { native, cancellation } = context;
  const { source, remote, copy } = plan;
  const { end, name } = destination;
  const debug: StageContext["debug"] = (message) => context.debug(`${name}: ${message}`);
  const says = { ...reports.of(destination), debug };
  const part = cancellation.part();
  const compress = plan.compress[end.kind];
  const options = retrieveOptions(context, plan, compress);
  try {
    const result = await syncRemote(
      { native, ...says, alarm: context.alarm, cancellation: part, keepLeft: context.alarm },
      {
        source: { kind: "local", path: source },
        destination: end,
        remote,
        copy,
        tunnel: end.kind === "remote" ? plan.tunnel : undefined,
        retrieve: ({ direct }) =>
          retrieveWithin({ ...context, cancellation: part, tell: says.tell, debug }, shared, {
            seat,
            options,
            direct,
          }),
        refuses: (side) => refuseSame(begun, destination, side),
        sending,
      },
    );
    reports.done(destination, result);
    return undefined;
  } catch (error) {
    reports.failed(destination, error);
    return error ?? new Error("a copy has failed without an error");
  } finally {
    shared.leave(seat);
  }
}

/** Refuses a destination that is another one too, under two names: both would write to it. */
function refuseSame(
  begun: Map<string, Destination>,
  destination: Destination,
  { role, instance }: Side,
): Error | undefined {
  if (role === "source" || instance === null) {
    return undefined;
  }
  const other = begun.get(instance) ?? destination;
  begun.set(instance, other);
  return other.id === destination.id ? undefined : sameDestinations(destination, other);
}

/** Returns the error for two destinations that are the same under two names. */
export function sameDestinations(one: Destination, other: Destination): UsageError {
  return new UsageError(`${one.name} and ${other.name} are the same`, "name each destination once");
}

function retrieveOptions(
  { warn }: StageContext,
  { source, copy }: ManyPlan,
  compress: Compress,
): RetrieveOptions {
  const { snapshot, snapshotSize, before, after, hookTimeout } = copy;
  return {
    file: source,
    image: { format: copy.sourceFormat, option: "--source-format" },
    compress,
    legacy: false,
    sizes: sizesOf(copy),
    needs: { start: undefined, end: undefined },
    size: undefined,
    whole: true,
    dryRun: copy.dryRun,
    inUse: warn,
    snapshot: { snapshot, snapshotSize, before, after, hookTimeout },
    incremental: undefined,
    suggestsSnapshot: true,
    rate: copy.bwlimit,
    map: false,
    ranges: false,
    sealed: true,
    readHoles: false,
  };
}
