import { ExitCode } from "../../errors/exit-codes.ts";
import { CopyError, UsageError } from "../../errors/copy-error.ts";
import type * as Binding from "../../native/binding.js";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import { withoutForce } from "../../errors/explain.ts";
import { adviceOnMissing, type Role } from "../../errors/path-advice.ts";
import { absolute } from "../../native/files.ts";
import { removeUnless } from "../../transport/files/unfinished.ts";
import type { StageContext } from "../../blocks/context.ts";
import { refuseEmpty, type Target } from "../../blocks/capacity.ts";
import type { SaveOptions } from "./session.ts";

/** An open destination. */
export interface Destination {
  sink: Binding.Sink;
  /** Keeps a file that was created here, even if it is empty. Without this call, the process removes an empty one when it ends. */
  keep: () => void;
  /** Called before each write. */
  beforeWrite?: () => void;
}

/**
 * Opens a destination, and refuses one that cannot hold a useful copy.
 *
 * @throws UsageError, the engine's failures
 */
export async function openDestination(
  { engine, direct, debug }: StageContext,
  { file, force, create, lock }: Pick<SaveOptions, "file" | "force" | "create" | "lock">,
): Promise<Destination> {
  const sink = await engine.openSink(file, { force, create, lock, direct });
  const keep = removeUnless(() => sink.removeIfUnused());
  refuseFileAmongDevices(file, sink);
  refuseEmpty(file, sink);
  debug(`${file}: ${sink.description}`);
  return { sink, keep };
}

/** A file that the copy would create, as a dry run sees it. */
export const NEW_FILE: Target = { isDevice: false, size: 0 };

/** An image that the copy would create. The size of the disk in one is a multiple of the sector of QEMU. */
export const NEW_IMAGE: Target = { ...NEW_FILE, sector: 512 };

/** Options for opening a destination that is not written to. */
type DryRun = Pick<SaveOptions, "file" | "force" | "create"> & {
  /** A delta is made, which is only valid if the destination does not change until it is applied: no option overrides a use. */
  isForDelta?: boolean;
};

/** The destination of a delta is in use. */
class InUseError extends CopyError {
  override readonly name = "InUseError";

  constructor(message: string) {
    super(
      message,
      "free it first: it must not change until the delta is applied",
      ExitCode.unavailable,
    );
  }
}

/**
 * Opens a destination for reading, and refuses what `openDestination` would refuse, as far as that shows without opening it for writing.
 *
 * @returns undefined for a file that does not exist, which the copy would create
 * @throws UsageError, the engine's failures
 */
export async function openForDryRun(
  { engine, direct }: StageContext,
  { file, force, create, isForDelta = false }: DryRun,
): Promise<Binding.Source | undefined> {
  if (!force) {
    await engine.refuseUsed(file).catch((error: unknown) => {
      if (!isForDelta) {
        throw error;
      }
      throw isEngineFailure(error) && error.kind === "busy"
        ? new InUseError(error.message)
        : withoutForce(error, "receive");
    });
  }
  const found = await engine.openSource(file, direct).catch((error: unknown) => {
    if (create && isEngineFailure(error) && error.kind === "not-found") {
      return undefined;
    }
    throw error;
  });
  if (found === undefined) {
    await engine.refuseCreating(file);
    return undefined;
  }
  refuseFileAmongDevices(file, found);
  refuseEmpty(file, found);
  return found;
}

/** A file or device does not exist. */
class MissingError extends CopyError {
  override readonly name = "MissingError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.noInput);
  }
}

/**
 * Adds advice to the failure to open a file or device that does not exist.
 *
 * @throws MissingError, or `error` if it is another failure
 */
export function adviseOnMissing(error: unknown, role: Role): never {
  throw isEngineFailure(error) && error.kind === "not-found"
    ? new MissingError(error.message, adviceOnMissing(error.path ?? "", role))
    : error;
}

/**
 * Refuses a regular file in /dev. Such a file is usually left by a program that expected a device there. It lies in memory,
 * which the copy of a disk would fill.
 *
 * @throws UsageError
 */
export function refuseFileAmongDevices(file: string, { isDevice }: Target): void {
  const path = absolute(file);
  if (!isDevice && path.startsWith("/dev/") && !path.startsWith("/dev/shm/")) {
    throw new UsageError(
      `${file} is a regular file, not a device`,
      "remove it, and find out why the device is not there (`lsblk`)",
    );
  }
}
