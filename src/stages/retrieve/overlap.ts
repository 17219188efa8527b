import { UsageError } from "../../errors/copy-error.ts";
import type * as Binding from "../../native/binding.js";
import type { StageContext } from "../../blocks/context.ts";

/**
 * Refuses a destination that has bytes in common with the source: each byte that is written would change the source, which is read
 * at the same time.
 *
 * @param storage what `Engine.storageOf` says of the destination, wherever that is; null or undefined where nobody says
 * @throws UsageError
 */
export async function refuseOverlap(
  { engine }: Pick<StageContext, "engine">,
  source: Binding.Source,
  storage: string | null | undefined,
): Promise<void> {
  const sentence = storage ? await engine.overlap(source, storage) : null;
  if (sentence === null) {
    return;
  }
  throw sentence.endsWith(" are the same")
    ? new UsageError(sentence, "give two different ones")
    : new UsageError(
        `${sentence}: writing to one overwrites the other`,
        "choose a destination that lies elsewhere; no option allows this one",
      );
}
