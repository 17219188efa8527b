import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";

/** A shared list cannot be made, opened, read or written. */
export class SharedListError extends CopyError {
  override readonly name = "SharedListError";

  /** True if the process that has made the list cannot be seen: it has ended, unless it is in another PID namespace. */
  readonly makerGone: boolean;

  constructor(message: string, { makerGone = false } = {}) {
    super(
      message,
      "run it again; without --streams, one connection copies all and needs no such list",
      ExitCode.io,
    );
    this.makerGone = makerGone;
  }
}
