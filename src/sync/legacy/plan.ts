import { isEngineFailure } from "../../errors/engine-failure.ts";
import type { StageContext } from "../../blocks/context.ts";
import type { Pipe } from "../../transport/processes/pipes.ts";
import type { Endpoint, RemoteEndpoint } from "../connection/endpoint.ts";
import { NOTHING_SENT } from "../connection/host-lines.ts";
import { loginCommandOf, type RemoteOptions, stageCommand } from "../connection/remote-command.ts";
import type { CopyPlan } from "../stream-programs.ts";
import { Side, type SideOptions } from "../side.ts";
import {
  type CopyOptions,
  receiveArguments,
  retrieveArguments,
  sizesOf,
} from "../stage-arguments.ts";
import { legacyCommand, type LegacyStage, type Size } from "./legacy-command.ts";

/** The option that makes a stage of this version use the legacy protocol. */
const LEGACY = "--wire=0.0.2";

/** A stage of a legacy copy: its side, and the command that runs it. */
interface PlannedStage {
  side: Side;
  commandOf: (remote: RemoteOptions) => [string, ...string[]];
}

/** The stages of a legacy copy, and the pipes between them. */
export interface LegacyPlan {
  stages: PlannedStage[];
  pipes: Pipe[];
  /** The side whose stage is of this version and reports progress; undefined if both ends are remote. */
  reporter: Side | undefined;
}

/**
 * Plans a copy with hosts that have blockcopy 0.0.2.
 *
 * @param size the size of the local end, which a remote stage compares with its own
 */
export function planOf(plan: CopyPlan, size: Size | undefined): LegacyPlan {
  const { source, destination, remote, copy } = plan;
  const side = (end: Endpoint, role: Side["role"], known?: SideOptions): Side =>
    new Side(end, role, { loginCommand: loginCommandOf(end, remote), ...known });
  const from = side(source, "source");
  const to = side(destination, "destination", {
    requiredVerify: destination.kind === "local" && !copy.dryRun ? copy.verify : "none",
  });
  const retrieve = retrieveStage(from, plan, size);
  if (destination.kind === "local") {
    return {
      stages: [ownStage(to, receiveArguments(copy)), retrieve],
      pipes: pipesBetween([0, 1, 0]),
      reporter: to,
    };
  }
  const checksum = legacyStage(to, destination, {
    words: ["checksum", ...rangeArguments(copy)],
    size,
    unmounted: !copy.force && !copy.dryRun,
  });
  if (copy.dryRun) {
    return { stages: [checksum, retrieve], pipes: pipesBetween([0, 1]), reporter: from };
  }
  const save = legacyStage(side(destination, "destination"), destination, {
    words: ["save"],
    synced: true,
  });
  const bothRemote = source.kind === "remote";
  return {
    stages: [checksum, retrieve, save],
    // If all stages are remote, none of them notices the end of this process unless the streams pass through it.
    pipes: pipesBetween([0, 1, 2], bothRemote),
    reporter: bothRemote ? undefined : from,
  };
}

function retrieveStage(
  from: Side,
  { source, copy }: CopyPlan,
  size: Size | undefined,
): PlannedStage {
  const compress = copy.compress === "lzma" ? "lzma" : "none";
  return source.kind === "local"
    ? ownStage(from, retrieveArguments({ ...copy, compress }, { linked: true }))
    : legacyStage(from, source, {
        words: ["retrieve", ...(compress === "lzma" ? ["--lzma"] : [])],
        size,
      });
}

/** Returns a stage of this version, on this host. */
function ownStage(side: Side, stage: readonly string[]): PlannedStage {
  return {
    side,
    commandOf: (remote) => stageCommand(side.end, [...stage, LEGACY], remote, NOTHING_SENT),
  };
}

/** Returns a stage of blockcopy 0.0.2 on another host. */
function legacyStage(side: Side, end: RemoteEndpoint, stage: LegacyStage): PlannedStage {
  return { side, commandOf: (remote) => legacyCommand(end, stage, remote) };
}

/** Returns pipes from each of these stages to the next. */
function pipesBetween(places: readonly number[], relayed = false): Pipe[] {
  return places.slice(1).map((to, index) => ({ from: places[index] ?? 0, to, relayed }));
}

/** Returns the size of the local end; undefined if both are remote, or if the sizes may differ. */
export async function localSize(
  { engine }: Pick<StageContext, "engine">,
  { source, destination, copy }: CopyPlan,
): Promise<Size | undefined> {
  const sizes = sizesOf(copy);
  const is = source.kind === "local" ? "source" : "destination";
  const end = source.kind === "local" ? source : destination;
  if (sizes === "any" || end.kind === "remote") {
    return undefined;
  }
  try {
    const { size } = await engine.openSource(end.path, "off");
    return { here: size, is, sizes };
  } catch (error) {
    // The stage that opens it reports the error, or makes the file.
    if (isEngineFailure(error)) {
      return undefined;
    }
    throw error;
  }
}

function rangeArguments({ start, end }: CopyOptions): string[] {
  return [
    ...(start === undefined ? [] : [`--start=${start}`]),
    ...(end === undefined ? [] : [`--end=${end}`]),
  ];
}
