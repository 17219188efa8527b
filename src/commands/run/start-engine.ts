import type { StageContext } from "../../blocks/context.ts";
import type * as Binding from "../../native/binding.js";
import { forcedSimd } from "../../process/environment.ts";
import { LongWaits } from "../../process/long-waits.ts";

/** Threads that hash and compress, and reads or writes in flight; undefined for what suits this machine. */
type Sizes = Pick<Binding.EngineOptions, "threads" | "queueDepth">;

/**
 * Makes the engine of a process, and warns from now on when a disk or server does not answer.
 *
 * @throws EngineFailure if its threads cannot start, or the CPU lacks the instructions that BLOCKCOPY_SIMD names
 */
export function startEngine(
  native: typeof Binding,
  { threads, queueDepth }: Sizes,
  { debug, warn }: Pick<StageContext, "debug" | "warn">,
): Binding.Engine {
  const engine = new native.Engine({ simd: forcedSimd(), threads, queueDepth });
  debug(engine.description);
  LongWaits.watch({ native, warn });
  return engine;
}
