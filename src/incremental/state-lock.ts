import { isEngineFailure } from "../errors/engine-failure.ts";
import type * as Binding from "../native/binding.js";
import { digestName } from "../transport/files/temporary-name.ts";
import type { Destination } from "./destination.ts";

/** A lock that this process holds. */
export type StateLock = Pick<Binding.Sink, "close">;

/**
 * Locks a file (flock(2)) until the lock is closed, or this process ends in whatever way. The file is created, and stays: removing it would
 * let two processes lock two files of the same name.
 *
 * @returns undefined if another process has locked it
 * @throws EngineFailure
 */
export async function tryLock(
  engine: Binding.Engine,
  path: string,
): Promise<StateLock | undefined> {
  try {
    return await engine.openSink(path, { force: true, create: true, lock: true, direct: "off" });
  } catch (error) {
    if (isEngineFailure(error) && error.kind === "locked") {
      return undefined;
    }
    throw error;
  }
}

/** Returns the names of the locks of a destination: it may have two names, or be another file than the last one with its name. */
export function locksOf({ host, path, identity }: Destination): string[] {
  const known = [`name ${host}:${path}`, ...(identity === null ? [] : [`identity ${identity}`])];
  return known.map((text) => `${digestName(text)}.destination.lock`);
}
