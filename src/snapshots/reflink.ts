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
    const removeNow = (): undefined => {
      source.close();
    };
    return {
      source,
      fault: () => Promise.resolve(undefined),
      remove: () => Promise.resolve(removeNow()),
      removeNow,
    };
  } catch (error) {
    throw isEngineFailure(error) && error.action === "clone" ? notCloned(file, error) : error;
  }
}

/** Advice if another file system, or another way, is needed. */
const OTHERWISE =
  "make a snapshot of the volume below it, mount that read-only and copy the file there, or stop what writes to the file";

/** A reason for which a file cannot be cloned, in place of the system's words, and what to do. */
interface Obstacle {
  reason?: string;
  advice: string;
}

const NO_CLONES: Obstacle = {
  reason: "its file system cannot clone files (XFS with reflink=1 and btrfs can)",
  advice: OTHERWISE,
};

/** Obstacles by name of the error of FICLONE, see ioctl_ficlone(2), or of making a file without a name in its folder. */
const BY_NAME: Readonly<Record<string, Obstacle>> = {
  EOPNOTSUPP: NO_CLONES,
  ENOTSUP: NO_CLONES,
  ENOTTY: NO_CLONES,
  EISDIR: NO_CLONES,
  EXDEV: {
    reason: "it is mounted by itself, or its folder lies on another file system",
    advice: `give its path on the file system that it lies on (\`findmnt -T FILE\`), or ${OTHERWISE}`,
  },
  EINVAL: {
    reason:
      "its file system can clone others, but not this one: it is a swap file, lies on the realtime device of XFS, or has no checksums on btrfs (`lsattr`)",
    advice: OTHERWISE,
  },
  ENOSPC: {
    advice:
      "free space on its file system (`df`, `df -i`): a clone takes some, and keeps what the file loses during the copy",
  },
  EDQUOT: { advice: "raise the quota (`quota`, `repquota`) of whoever runs this" },
  EROFS: {
    advice:
      "if nothing can write to it, leave out --snapshot; otherwise mount its file system writable (`mount -o remount,rw`)",
  },
  EACCES: { advice: "run as a user who may write to its folder, where the clone is made" },
  EPERM: {
    advice:
      "see that its folder, where the clone is made, is not immutable (`lsattr -d`), and that no container or security module forbids it (dmesg)",
  },
};

function notCloned(file: string, { errno = 0, message }: EngineFailure): SnapshotError {
  const numbers: Readonly<Record<string, number>> = constants.errno;
  const obstacle = Object.entries(BY_NAME).find(([name]) => numbers[name] === errno)?.[1];
  return new SnapshotError(
    `${file} cannot be cloned: ${obstacle?.reason ?? message}`,
    obstacle?.advice ?? adviceOnSystem({ path: file, role: "source", errno, writes: false }),
  );
}
