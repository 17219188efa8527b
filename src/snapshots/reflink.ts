import type { StageContext } from "../blocks/context.ts";
import { isEngineFailure } from "../errors/engine-failure.ts";
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
    throw isEngineFailure(error) && error.action === "clone"
      ? new SnapshotError(
          `${file} cannot be cloned: ${reasonOf(error.errno, error.message)}`,
          ADVICE,
        )
      : error;
  }
}

const ADVICE =
  "on a file system without clones, make a snapshot of the volume below it, mount that read-only and copy the file there, or stop what writes to the file";

function reasonOf(errno: number | undefined, message: string): string {
  const { EOPNOTSUPP, ENOTSUP, ENOTTY, EXDEV, EISDIR, EINVAL } = constants.errno;
  return errno !== undefined && [EOPNOTSUPP, ENOTSUP, ENOTTY, EXDEV, EISDIR, EINVAL].includes(errno)
    ? "its file system cannot clone files (XFS with reflink=1 and btrfs can)"
    : message;
}
