import type { StageContext } from "../../blocks/context.ts";
import { CopyError } from "../../errors/copy-error.ts";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import type * as Binding from "../../native/binding.js";
import type { Owner, SourceDescription } from "../../protocol/source-fields.ts";

/** The user has no right to give the destination what it is to get from the source. */
class RightError extends CopyError {
  override readonly name = "RightError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.permission);
  }
}

/** What a file is to get from the source beside its content. */
export interface Carried {
  /** The size of the source, where it is smaller. */
  truncate: boolean;
  /** Times of the last access and change. */
  times: boolean;
  /** Permission bits. */
  perms: boolean;
  owner: boolean;
  group: boolean;
  /** Take owner and group by number, not by name. */
  numericIds: boolean;
}

/** The options that ask for it. */
export function namesOf({ truncate, times, perms, owner, group }: Carried): string[] {
  const options = {
    "--truncate": truncate,
    "--times": times,
    "--perms": perms,
    "--owner": owner,
    "--group": group,
  };
  return Object.entries(options).flatMap(([name, wanted]) => (wanted ? [name] : []));
}

/**
 * Gives the destination what it is to get from the source, but for its size, and brings that to the disk. What makes no sense for a
 * device is left out, with a warning.
 *
 * @throws the engine's failures
 */
export async function restoreMetadata(
  { engine, warn }: StageContext,
  sink: Binding.Sink,
  file: string,
  carried: Carried,
  source: SourceDescription,
): Promise<void> {
  const names = namesOf(carried);
  if (sink.isDevice) {
    if (names.length > 0) {
      warn(`${file} is a device: ${names.join(", ")} left out`);
    }
    return;
  }
  const strange = isStrange(source) ? names.filter((name) => name !== "--truncate") : [];
  if (strange.length > 0) {
    warn(`the source is a device: ${strange.join(", ")} left out`);
  }
  const what = restored(carried, source);
  if (Object.values(what).some((value) => value !== undefined)) {
    await engine.restore(sink, what);
    await engine.sync(sink);
  }
}

/**
 * Refuses, before anything is written, what `restoreMetadata` may not do in the end.
 *
 * @throws RightError, the engine's failures
 */
export async function refuseMetadata(
  { engine }: StageContext,
  sink: Binding.Sink,
  carried: Carried,
  source: SourceDescription,
): Promise<void> {
  try {
    await engine.refuseRestore(sink, restored(carried, source));
  } catch (error) {
    if (!(isEngineFailure(error) && error.action?.startsWith("set the ") === true)) {
      throw error;
    }
    throw new RightError(
      `${error.message}; nothing was written`,
      "run it as root, or leave out the option (-o, -g, -p, -t) that this user has no right for",
    );
  }
}

/** The node of a device has an owner and times of its own, which say nothing of its content. */
function isStrange({ kind }: SourceDescription): boolean {
  return kind === "device";
}

/** What a file is to get from the source, but for its size. */
function restored(carried: Carried, source: SourceDescription): Binding.Restore {
  const of = isStrange(source) ? {} : source;
  const { accessed, modified } = of;
  const named = (owner: Owner | undefined): Binding.Owner | undefined =>
    owner && { id: owner.id, name: carried.numericIds ? undefined : owner.name };
  return {
    owner: carried.owner ? named(of.owner) : undefined,
    group: carried.group ? named(of.group) : undefined,
    mode: carried.perms ? of.mode : undefined,
    times: carried.times && accessed && modified ? { accessed, modified } : undefined,
  };
}

/**
 * Cuts a file off where the source ends, if it is longer.
 *
 * @throws the engine's failures
 */
export async function cutOff(
  { engine }: StageContext,
  sink: Binding.Sink,
  size: number | undefined,
): Promise<void> {
  if (size === undefined || sink.isDevice) {
    return;
  }
  const { size: now } = await engine.openReader(sink, "off");
  if (size < now) {
    await engine.restore(sink, { size });
  }
}
