import type * as Binding from "../../native/binding.js";
import { isStandardInput } from "../../transport/streams/standard-input.ts";
import type { StageContext } from "../../blocks/context.ts";

/**
 * The file or device, or null for a standard input that has to be read as it comes.
 *
 * @throws the engine's failures
 */
export function openInput(
  { engine, direct }: StageContext,
  file: string,
): Promise<Binding.Source | null> {
  return isStandardInput(file) ? engine.openStdin(direct) : engine.openSource(file, direct);
}
