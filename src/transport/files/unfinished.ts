/** Removes what is unfinished. */
type Remove = () => void;

/** What is to be removed if the process ends now. */
const unfinished = new Set<Remove>();

/** Has `remove` called if the process ends before the function that is returned was called. */
export function removeUnless(remove: Remove): () => void {
  unfinished.add(remove);
  return () => unfinished.delete(remove);
}

/** Removes all that is unfinished: the process ends. What cannot be removed stays: the reason for the end is what counts. */
export function removeUnfinished(): void {
  for (const remove of unfinished) {
    try {
      remove();
    } catch {
      // A later run removes it or goes on with it.
    }
  }
}
