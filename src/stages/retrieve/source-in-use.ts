import type { StageContext } from "../../blocks/context.ts";
import type * as Binding from "../../native/binding.js";
import { fittingSnapshot } from "../../snapshots/fitting-snapshot.ts";

/** A source, and if a message about it may suggest `--snapshot`. */
interface Read {
  file: string;
  source: Binding.Source;
  suggestsSnapshot: boolean;
}

/** Reports a process that may write to the source while it is read: the copy would then mix the content of different moments. */
export async function reportWriter(
  { engine }: Pick<StageContext, "engine">,
  { file, source, suggestsSnapshot }: Read,
  report: (message: string) => void,
): Promise<void> {
  const writer = await engine.writerOf(source);
  if (writer !== null) {
    const fitting = suggestsSnapshot ? fittingSnapshot(file, source) : undefined;
    const option = fitting === undefined ? "" : `: --snapshot ${fitting}`;
    report(
      `the source ${file} is in use: ${writer}; changes made during the copy may be copied in part (copy a snapshot${option})`,
    );
  }
}
