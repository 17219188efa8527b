import { ExitCode } from "../../errors/exit-codes.ts";
import { CopyError } from "../../errors/copy-error.ts";
import type * as Binding from "../../native/binding.js";
import type { Hashing } from "../../protocol/digest.ts";
import type { Base } from "../../protocol/block-stream/head.ts";
import type { StageContext } from "../../blocks/context.ts";
import { rootOf } from "../../blocks/root-of.ts";

/** The destination does not have the content that a delta was made for. */
class BaseError extends CopyError {
  override readonly name = "BaseError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.otherDestination);
  }
}

/**
 * Refuses a destination whose content is not the delta base: the result would be neither the old content nor the new one.
 *
 * @throws BaseError, the engine's failures
 */
export async function refuseOtherBase(
  context: StageContext,
  sink: Binding.Sink,
  file: string,
  hashing: Hashing,
  base: Base,
): Promise<void> {
  const { engine, progress, debug } = context;
  debug("reading the destination, to check that the stream was made for it");
  const reader = await engine.openReader(sink, "off");
  const aside = progress.aside("looking at the destination", reader.size);
  const same =
    reader.size === base.size &&
    Buffer.compare(
      (await rootOf({ ...context, progress: aside }, reader, hashing)).root,
      base.root,
    ) === 0;
  aside.finish({ succeeded: same });
  if (!same) {
    throw new BaseError(
      `${file} is not what the stream was made for: ${
        reader.size === base.size
          ? "its content is another"
          : `it has ${reader.size} bytes, not ${base.size}`
      }; nothing was written`,
      "if this same stream has been written to it before, in part or completely, run again with --force and --verify=full; if not, make a stream from the digests of this destination",
    );
  }
}
