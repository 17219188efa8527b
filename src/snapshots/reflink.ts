import type { StageContext } from "../blocks/context.ts";
import { type EngineFailure, isEngineFailure } from "../errors/engine-failure.ts";
import { adviceOnSystem } from "../errors/system-advice.ts";
import { constants } from "node:os";
import type * as Binding from "../native/binding.js";
import { SnapshotError } from "./snapshot-error.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * Makes a clone of a file without a name, which the kernel removes with the process.
 *
 * @throws SnapshotError, the engine's failures
 */
export async function cloneFile(
  { engine, direct }: Pick<StageContext, "engine" | "direct">,
  file: string,
  origin: Binding.Source,
): Promise<Snapshot> {
  try {
    const source = await engine.cloneNow(origin, direct);
    return {
      source,
      fault: () => undefined,
      remove: () => {
        source.close();
        return undefined;
      },
    };
  } catch (error) {
    throw isEngineFailure(error) && error.action === "clone" ? notCloned(file, error) : error;
  }
}

function notCloned(file: string, { errno = 0, message }: EngineFailure): SnapshotError {
  const { EOPNOTSUPP, ENOTSUP, ENOTTY, EXDEV, EISDIR, EINVAL } = constants.errno;
  return [EOPNOTSUPP, ENOTSUP, ENOTTY, EXDEV, EISDIR, EINVAL].includes(errno)
    ? new SnapshotError(
        `${file} cannot be cloned: its file system cannot clone files (XFS with reflink=1 and btrfs can)`,
        "make a snapshot of the volume below it, mount that read-only and copy the file there, or stop what writes to the file",
      )
    : new SnapshotError(`${file} cannot be cloned: ${message}`, adviceOnClone(file, errno));
}

/** Returns advice on a clone that could not be made in the folder of the file. */
function adviceOnClone(file: string, errno: number): string {
  const { EROFS, EACCES, EPERM } = constants.errno;
  if (errno === EROFS) {
    return "if nothing can write to it, leave out --snapshot; otherwise mount its file system writable (`mount -o remount,rw`)";
  }
  return errno === EACCES || errno === EPERM
    ? "run as a user who may write to its folder, where the clone is made"
    : adviceOnSystem({ path: file, role: "source", errno, writes: false });
}
