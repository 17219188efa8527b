import { awaitTool, runTool } from "./system-tool.ts";
import type { ToolEnd } from "./tool-end.ts";

/** A call of a system program: its name, and its arguments. */
type ToolCall = readonly [name: string, ...args: string[]];

/** Work that runs system programs one after another: it yields each call, and gets its end. Who does it decides how it waits. */
export type ToolWork<Result> = Generator<ToolCall, Result, ToolEnd>;

/**
 * Does the work without the event loop, because it may be the last thing that the process does.
 *
 * @param seconds the time that each program may take
 * @throws whatever the work throws
 */
export function workNow<Result>(work: ToolWork<Result>, seconds: number): Result {
  let step = work.next();
  while (step.done !== true) {
    const [name, ...args] = step.value;
    step = work.next(runTool(name, args, seconds));
  }
  return step.value;
}

/**
 * Does the work while this process goes on, and gives signs of life.
 *
 * @param seconds the time that each program may take
 * @throws whatever the work throws
 */
export async function workMeanwhile<Result>(
  work: ToolWork<Result>,
  seconds: number,
): Promise<Result> {
  let step = work.next();
  while (step.done !== true) {
    const [name, ...args] = step.value;
    step = work.next(await awaitTool(name, args, seconds));
  }
  return step.value;
}
