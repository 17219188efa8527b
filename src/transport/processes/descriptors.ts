import { readlinkSync } from "../../native/files.ts";
import { findProcess, type ProcessId } from "./process-tree.ts";

/** Something that is open. */
interface Opened {
  close(): unknown;
}

/**
 * Opens what a descriptor of another process refers to. The kernel lets only processes of the same user, and root, do so.
 *
 * @param open opens it by a path
 * @returns undefined if that process has ended
 * @throws the errors of `open`
 */
export async function openOf<T extends Opened>(
  owner: ProcessId,
  descriptor: number,
  open: (path: string) => Promise<T>,
): Promise<T | undefined> {
  const path = `/proc/${owner.pid}/fd/${descriptor}`;
  let opened: T;
  try {
    opened = await open(path);
  } catch (error) {
    if (isOpenIn(owner, path)) {
      throw error;
    }
    return undefined;
  }
  // If it has ended, its number may mean another process, and the path another file.
  if (isOpenIn(owner, path)) {
    return opened;
  }
  await opened.close();
  return undefined;
}

/** True if a process still has its descriptor open: the kernel closes all of them when it ends. */
function isOpenIn({ pid, started }: ProcessId, path: string): boolean {
  try {
    readlinkSync(path);
  } catch {
    return false;
  }
  return findProcess(pid)?.started === started;
}
