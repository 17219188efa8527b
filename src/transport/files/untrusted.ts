import type { Distrust } from "./trusted.ts";
import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";

/** Another user could change a file that decides what is copied. */
class UntrustedError extends CopyError {
  override readonly name = "UntrustedError";

  constructor(file: string, { what, advice }: Distrust) {
    super(`${file} cannot be trusted: ${what}`, advice, ExitCode.permission);
  }
}

/**
 * Refuses a file that another user could change.
 *
 * @param file its name for a message
 * @param distrust the reason; undefined if the file can be trusted
 * @throws UntrustedError
 */
export function refuseUntrusted(file: string, distrust: Distrust | undefined): void {
  if (distrust !== undefined) {
    throw new UntrustedError(file, distrust);
  }
}
