/** Removes an unfinished file. */
type Remove = () => void;

const unfinished = new Set<Remove>();

/** Calls `remove` if the process ends before the returned function is called. */
export function removeUnless(remove: Remove): () => void {
  unfinished.add(remove);
  return () => unfinished.delete(remove);
}

/** Removes all unfinished files before the process ends. */
export function removeUnfinished(): void {
  for (const remove of unfinished) {
    try {
      remove();
    } catch {
      // A later run removes it or continues it. The reason for the end is the error to report.
    }
  }
}
