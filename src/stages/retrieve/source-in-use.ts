import type { StageContext } from "../../blocks/context.ts";
import type * as Binding from "../../native/binding.js";

/** Reports a process that may write to the source while it is read: the copy would then mix the content of different moments. */
export async function reportWriter(
  { engine }: Pick<StageContext, "engine">,
  file: string,
  source: Binding.Source,
  report: (message: string) => void,
): Promise<void> {
  const writer = await engine.writerOf(source);
  if (writer !== null) {
    report(
      `the source ${file} is in use: ${writer}; changes made during the copy may be copied in part (copy a snapshot)`,
    );
  }
}
