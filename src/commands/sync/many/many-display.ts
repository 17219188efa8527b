import type * as Binding from "../../../native/binding.js";
import type { CopyState } from "../../../ui/copy-state.ts";
import { type CopyDisplay, minuteDisplay } from "../../../ui/people/copy-by-minute.ts";
import { stepDisplay } from "../../../ui/people/copy-by-step.ts";
import { printLine, stderrCanDraw } from "../../../ui/stderr.ts";
import type { CopyOutput } from "../display.ts";

/** Shows the progress of several copies. */
export class ManyDisplay {
  #displays: readonly CopyDisplay[] = [];

  /** Starts to show the progress. */
  async begin(
    { quiet, json, progress }: CopyOutput,
    states: readonly CopyState[],
    native: typeof Binding,
  ): Promise<void> {
    if ((quiet || json) && !progress) {
      return;
    }
    if (stderrCanDraw()) {
      const { liveDisplays } = await import("../../../ui/people/copies-on-terminal.ts");
      const running = (): CopyState[] => states.filter(({ hasEnded }) => !hasEnded);
      this.#displays = [liveDisplays(running, () => native.TerminalLock.acquire())];
    } else {
      this.#displays = states.map((state) => (progress ? stepDisplay : minuteDisplay)(state));
    }
  }

  /** Prints lines that stay. */
  print(lines: readonly string[]): void {
    lines.forEach(printLine);
  }

  /** All copies have ended. */
  finish(): void {
    this.#displays.forEach((display) => display.finish(undefined));
  }
}
