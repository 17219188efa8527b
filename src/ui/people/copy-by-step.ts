import type { CopyState } from "../copy-state.ts";
import { printLine } from "../stderr.ts";
import { type CopyDisplay, minuteDisplay } from "./copy-by-minute.ts";
import { statusLine } from "./copy-line.ts";

const STEP_PERCENT = 5;
const LOOK_MILLISECONDS = 200;

/** Shows a copy without a terminal in lines: one after each step of 5 %, one at its end, and one per minute in any case. */
export function stepDisplay(state: CopyState): CopyDisplay {
  const minutes = minuteDisplay(state);
  let printed = -1;
  const look = (step: number): void => {
    const { begun, connecting, work } = state;
    const percent = work.total === undefined ? 0 : (100 * work.done) / (work.total || 1);
    if (begun && !connecting && percent >= printed + step) {
      printed = percent;
      printLine(statusLine(state, Infinity));
    }
  };
  const timer = setInterval(() => look(STEP_PERCENT), LOOK_MILLISECONDS);
  timer.unref();
  return {
    finish: (summary) => {
      clearInterval(timer);
      look(Number.MIN_VALUE);
      minutes.finish(summary);
    },
  };
}
