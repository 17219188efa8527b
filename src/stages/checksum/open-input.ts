import type { StageContext } from "../../blocks/context.ts";
import type * as Binding from "../../native/binding.js";
import { isStandardInput } from "../../transport/streams/standard-input.ts";

/**
 * Opens a file or device, or `-` for standard input. Returns null for a standard input that cannot be read by offset, such
 * as a pipe.
 *
 * @throws the engine's failures
 */
export function openInput(
  { engine, direct }: StageContext,
  file: string,
): Promise<Binding.Source | null> {
  return isStandardInput(file) ? engine.openStdin(direct) : engine.openSource(file, direct);
}
