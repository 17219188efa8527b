import type { StageContext } from "../blocks/context.ts";
import type { CopyError } from "../errors/copy-error.ts";
import type * as Binding from "../native/binding.js";

/** A snapshot of a source, open for reading. */
export interface Snapshot {
  readonly source: Binding.Source;
  /**
   * Returns the error if the snapshot has been lost, so that what was read of it may be wrong.
   *
   * @param how `hasFailed` is true after a failed read
   */
  fault(how: { hasFailed: boolean }): CopyError | undefined;
  /**
   * Closes and removes it. Synchronous, because it may be the last thing that the process does.
   *
   * @returns a warning if that fails; undefined also if it has been called before
   */
  remove(): string | undefined;
}

/** Takes a warning about a snapshot that is left. Whether that ends the run or is only told depends on how the copy ends. */
export type KeepWarning = (warning: string) => void;

/** Removes a snapshot after a failure, which is the error to report: that it could not be removed is only a warning. */
export function discard(
  { alarm }: Pick<StageContext, "alarm">,
  snapshot: Pick<Snapshot, "remove"> | undefined,
): void {
  const left = snapshot?.remove();
  if (left !== undefined) {
    alarm(left);
  }
}
