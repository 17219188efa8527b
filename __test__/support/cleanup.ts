// Undoes what a test set up, the latest first: a filesystem is unmounted before its device is detached and its
// folder removed. The test runner itself calls `after` hooks in the order in which they were added.
import { setTimeout as sleep } from "node:timers/promises";

/** Undoes something; what was deferred earlier waits for a promise that it returns. */
export type Undo = () => unknown;

/** A test, or a campaign: calls a function when it ends. */
export interface Cleaning {
  after: (undo: Undo) => void;
}

const pending = new WeakMap<Cleaning, Undo[]>();

/** Calls `undo` when the test ends, before everything that was deferred earlier; every one is called, even if one throws. */
export function defer(t: Cleaning, undo: Undo): void {
  const known = pending.get(t);
  if (known !== undefined) {
    known.push(undo);
    return;
  }
  const undos = [undo];
  pending.set(t, undos);
  t.after(async () => {
    const errors: unknown[] = [];
    for (const each of undos.toReversed()) {
      try {
        const undoing = each();
        // A process that exits calls this too, and waits for nothing.
        if (undoing instanceof Promise) await undoing;
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0)
      throw new AggregateError(errors, `cleaning up failed: ${errors.join("; ")}`);
  });
}

/**
 * Calls `undo`, again and again for at most ten seconds while it fails with EBUSY. An unmount fails so not only while a file is
 * open: any process that looks up what others have open, as another test's copy does, holds the mount for that moment.
 */
export async function onceFree(undo: () => unknown): Promise<void> {
  for (const deadline = Date.now() + 10_000; ; await sleep(50)) {
    try {
      undo();
      return;
    } catch (error) {
      const isBusy = /EBUSY|\bbusy\b/i.test((error as Error).message);
      if (!isBusy || Date.now() > deadline) throw error;
    }
  }
}
