import type { CopyState } from "../copy-state.ts";
import { printLine } from "../stderr.ts";
import { type CopyDisplay, minuteDisplay } from "./copy-by-minute.ts";
import { statusLine } from "./copy-line.ts";

const STEP_PERCENT = 5;
const LOOK_MILLISECONDS = 200;

/** Shows a copy without a terminal in lines: one after each step of 5 %, one at its end, and one per minute in any case. */
export function stepDisplay(state: CopyState): CopyDisplay {
  const minutes = minuteDisplay(state);
  let printed = { percent: -Infinity, done: -1 };
  const print = (isDue: (now: typeof printed) => boolean): void => {
    const { begun, connecting, work } = state;
    const { done, total } = work;
    const now = { percent: total === undefined ? 0 : (100 * done) / (total || 1), done };
    if (begun && !connecting && isDue(now)) {
      printed = now;
      printLine(statusLine(state, Infinity));
    }
  };
  const timer = setInterval(
    () => print(({ percent }) => percent >= printed.percent + STEP_PERCENT),
    LOOK_MILLISECONDS,
  );
  timer.unref();
  return {
    finish: (summary) => {
      clearInterval(timer);
      print(({ done }) => done !== printed.done);
      minutes.finish(summary);
    },
  };
}
