import { ExitCode } from "../../errors/exit-codes.ts";
import type * as Binding from "../../native/binding.js";
import { trackTimeSpent } from "../../process/time-spent.ts";
import { removeUnfinished } from "../../transport/files/unfinished.ts";
import { EventLines, helloLine } from "../../ui/event-lines.ts";
import { ProgressLines } from "../../ui/people/stage-lines.ts";
import { type Progress, silent } from "../../ui/progress.ts";
import { printLine, stderrCanDraw } from "../../ui/stderr.ts";

/** A stage, as its progress shows it. */
export interface ShownStage {
  name: string;
  /** Past participle for progress: bytes "read", "compared". */
  done: string;
  /** Print progress even if standard error is not a terminal. */
  progress: boolean;
  /** Milliseconds for which it leaves the terminal to the other stages of its pipeline. */
  patience: number;
}

/** Says hello, and starts to write the events of a stage for the program that has started it. */
export function eventsOf(threads: number | undefined, native: typeof Binding): EventLines {
  printLine(helloLine());
  // A stage whose parent has gone cannot report anything, so it ends.
  void native.waitFor(2, "readerGone").then(() => {
    removeUnfinished();
    native.exitNow(ExitCode.readerGone);
  });
  return new EventLines(printLine, trackTimeSpent(threads));
}

/** Starts to show the progress of a stage to a person. */
export async function progressFor(stage: ShownStage, native: typeof Binding): Promise<Progress> {
  const title = stage.name.replace(/^./, (letter) => letter.toUpperCase());
  if (stderrCanDraw()) {
    const { LiveLine } = await import("../../ui/people/stage-line.ts");
    return new LiveLine(title, stage.done, () => native.TerminalLock.acquire(), stage.patience);
  }
  return stage.progress ? new ProgressLines(title, printLine) : silent;
}
