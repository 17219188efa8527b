// Undoes what a test set up, the latest first: a filesystem is unmounted before its device is detached and its
// folder removed. The test runner itself calls `after` hooks in the order in which they were added.

/** A test, or a campaign: calls a function when it ends. */
export interface Cleaning {
  after: (undo: () => void) => void;
}

const pending = new WeakMap<Cleaning, (() => void)[]>();

/** Calls `undo` when the test ends, before everything that was deferred earlier; every one is called, even if one throws. */
export function defer(t: Cleaning, undo: () => void): void {
  const known = pending.get(t);
  if (known !== undefined) {
    known.push(undo);
    return;
  }
  const undos = [undo];
  pending.set(t, undos);
  t.after(() => {
    const errors: unknown[] = [];
    for (const each of undos.toReversed()) {
      try {
        each();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0)
      throw new AggregateError(errors, `cleaning up failed: ${errors.join("; ")}`);
  });
}
