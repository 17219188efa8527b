import type * as Binding from "../../native/binding.js";
import type { StageContext } from "../../blocks/context.ts";

/** Tells of somebody who may write to the source while it is read: a copy would then be of no single moment. */
export async function tellOfWriter(
  { engine }: Pick<StageContext, "engine">,
  file: string,
  source: Binding.Source,
  tell: (message: string) => void,
): Promise<void> {
  const writer = await engine.writerOf(source);
  if (writer !== null) {
    tell(
      `the source ${file} is in use: ${writer}; what is written to it meanwhile may be copied half (copy a snapshot)`,
    );
  }
}
