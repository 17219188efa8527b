import { CopyError } from "../../../errors/copy-error.ts";
import { ExitCode } from "../../../errors/exit-codes.ts";
import { exitCodeOf } from "../../../errors/explain.ts";
import type { ManyEnd } from "../../../sync/many/copy-to-many.ts";

/** Some of several destinations have failed. */
class DestinationsError extends CopyError {
  override readonly name = "DestinationsError";
}

/** Returns the error of a run in which destinations have failed, whose own errors have been printed. */
export function failureOfMany(
  failures: ManyEnd["failures"],
  { destinations, dryRun }: { destinations: number; dryRun: boolean },
): CopyError | undefined {
  if (failures.length === 0) {
    return undefined;
  }
  const names = failures.map(
    ({ destination, error }) => `${destination.name} (${exitCodeOf(error)})`,
  );
  const others =
    dryRun || failures.length === destinations
      ? ""
      : "; the others are complete, and the same command only compares them again";
  return new DestinationsError(
    `${failures.length} of ${destinations} destinations failed: ${names.join(", ")}`,
    `see the message of each${others}`,
    codeOfMany(failures.map(({ error }) => exitCodeOf(error))),
  );
}

/**
 * Chooses the exit code: that of the first destination that failed for another reason than a lost connection and the like. Running the
 * same command again only helps if nothing else is wrong.
 */
function codeOfMany(codes: readonly number[]): number {
  return codes.find((code) => code !== ExitCode.later) ?? ExitCode.later;
}
