import type { StageContext } from "../../blocks/context.ts";
import { CopyError } from "../../errors/copy-error.ts";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import type * as Binding from "../../native/binding.js";
import type { Owner, SourceDescription } from "../../protocol/source-fields.ts";

/** The user may not set the attributes of the destination. */
class RightError extends CopyError {
  override readonly name = "RightError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.permission);
  }
}

/** Attributes that a file gets from the source in addition to its content. */
export interface Carried {
  /** The size of the source, if that is smaller. */
  truncate: boolean;
  /** Times of the last access and modification. */
  times: boolean;
  /** Permission bits. */
  perms: boolean;
  owner: boolean;
  group: boolean;
  /** Set owner and group by number instead of by name. */
  numericIds: boolean;
}

/** Returns the options that ask for attributes, each true if it is given. */
export function attributeOptions({
  truncate,
  times,
  perms,
  owner,
  group,
}: Carried): Record<string, boolean> {
  return {
    "--truncate": truncate,
    "--times": times,
    "--perms": perms,
    "--owner": owner,
    "--group": group,
  };
}

/** Returns the names of the options that ask for attributes. */
export function namesOf(carried: Carried): string[] {
  return Object.entries(attributeOptions(carried)).flatMap(([name, given]) =>
    given ? [name] : [],
  );
}

/**
 * Sets the attributes of the destination, except for its size, and syncs them. Skips, with a warning, what makes no sense for
 * a device.
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
 * Refuses, before anything is written, attributes that `restoreMetadata` could not set at the end. The file need not exist yet.
 *
 * @throws RightError, the engine's failures
 */
export async function refuseMetadata(
  { engine }: StageContext,
  file: string,
  carried: Carried,
  source: SourceDescription,
): Promise<void> {
  try {
    await engine.refuseRestore(file, restored(carried, source));
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

/** True if the attributes belong to a device node: they say nothing about the content of the device. */
function isStrange({ kind }: SourceDescription): boolean {
  return kind === "device";
}

/** Returns the attributes to set, except for the size. */
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
 * Extends a file to `size` bytes by a hole, if it is shorter.
 *
 * @throws the engine's failures
 */
export async function extend(
  { engine }: StageContext,
  sink: Binding.Sink,
  size: number,
): Promise<void> {
  if (sink.isDevice) {
    return;
  }
  const { size: now } = await engine.openReader(sink, "off");
  if (now < size) {
    await engine.restore(sink, { size });
  }
}

/**
 * Truncates a file to the size of the source, if it is longer.
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
