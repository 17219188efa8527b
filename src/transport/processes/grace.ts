import type { Program } from "./program.ts";
import type { Grace } from "./stop-child.ts";

/** The grace of a program that has nothing to finish: milliseconds after another one has failed, and after SIGTERM. */
export const GRACE: Grace = { toEnd: 3000, afterSigterm: 2000 };

/** Milliseconds for a program that has to sync what it has written, or to remove a snapshot. */
const DISK_MILLISECONDS = 30_000;

/** Returns the time that a program gets to end. After a cancellation, it syncs what it has written before it ends by itself. */
export function graceOf(
  program: Program | undefined,
  { isCancelled }: { isCancelled: boolean },
): Grace {
  if (!mayHaveWritten(program)) {
    return program?.tidiesUp === true ? { ...GRACE, afterSigterm: DISK_MILLISECONDS } : GRACE;
  }
  const toEnd = isCancelled ? DISK_MILLISECONDS : GRACE.toEnd;
  return { toEnd, afterSigterm: DISK_MILLISECONDS };
}

/** True if a program may have written to a disk already. */
export function mayHaveWritten(program: Program | undefined): boolean {
  const { writesDisk, hasBegun = () => true } = program ?? {};
  return writesDisk !== undefined && hasBegun();
}
