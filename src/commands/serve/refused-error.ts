import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";

/** A stage that `sync` and `compare` run on other hosts. */
export type Stage = "retrieve" | "receive";

/** A key does not allow what its user asks for. */
export class RefusedError extends CopyError {
  override readonly name = "RefusedError";

  /** The stage that was asked for. Undefined if it is not known that the other side is `sync`. */
  readonly stage: Stage | undefined;

  /** @param what noun phrase */
  constructor(stage: Stage | undefined, what: string, advice: string) {
    super(`this key does not allow ${what}`, advice, ExitCode.permission);
    this.stage = stage;
  }
}
