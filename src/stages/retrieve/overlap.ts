import { UsageError } from "../../errors/copy-error.ts";
import type * as Binding from "../../native/binding.js";
import type { StageContext } from "../../blocks/context.ts";

/**
 * Refuses a destination that shares bytes with the source: each write would change the source while it is read.
 *
 * @param storage the result of `Engine.storageOf` for the destination, also on another host; null or undefined if unknown
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
