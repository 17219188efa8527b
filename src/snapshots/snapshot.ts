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
  fault(how: { hasFailed: boolean }): Promise<CopyError | undefined>;
  /**
   * Closes and removes it.
   *
   * @returns a warning if that fails; undefined also if it has been removed before
   */
  remove(): Promise<string | undefined>;
  /** Does the same without the event loop, because it may be the last thing that the process does. */
  removeNow(): string | undefined;
}

/** Takes a warning about a snapshot that is left. Whether that ends the run or is only told depends on how the copy ends. */
export type KeepWarning = (warning: string) => void;

/** Removes a snapshot after a failure, which is the error to report: that it could not be removed is only a warning. */
export async function discard(
  context: Pick<StageContext, "alarm">,
  snapshot: Pick<Snapshot, "remove"> | undefined,
): Promise<void> {
  tellLeft(context, await snapshot?.remove());
}

/** Does the same as the last thing that the process does. */
export function discardNow(
  context: Pick<StageContext, "alarm">,
  snapshot: Pick<Snapshot, "removeNow">,
): void {
  tellLeft(context, snapshot.removeNow());
}

function tellLeft({ alarm }: Pick<StageContext, "alarm">, left: string | undefined): void {
  if (left !== undefined) {
    alarm(left);
  }
}
