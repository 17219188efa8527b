import type { StageContext } from "../../blocks/context.ts";
import { isAsciiOnly } from "../../errors/charset.ts";
import { printable } from "../../errors/printable.ts";
import type * as Binding from "../../native/binding.js";
import { type CopyResult, summaryLines } from "../../sync/copy-result.ts";
import { Output } from "../../transport/streams/output.ts";
import type { CopyState } from "../../ui/copy-state.ts";
import { type CopyDisplay, hidden, minuteDisplay } from "../../ui/people/copy-by-minute.ts";
import { drawMap } from "../../ui/people/draw-map.ts";
import { stepDisplay } from "../../ui/people/copy-by-step.ts";
import type { CopyEvents } from "../../ui/programs/copy-events.ts";
import { printLine, stderrCanDraw, stderrIsTerminal } from "../../ui/stderr.ts";

const USUAL_COLUMNS = 80;

/** Output of a copy, as its options ask for it. */
export interface CopyOutput {
  /** Errors only. */
  quiet: boolean;
  /** Events on standard output. */
  json: boolean;
  /** Progress even if standard error is not a terminal. */
  progress: boolean;
  /** The summary in any case. */
  stats: boolean;
  /** The change map, after the summary and as an event. */
  drawMap: boolean;
  /** File for the change map as an image. */
  mapFile: string | undefined;
  /** File for Prometheus. */
  metrics: string | undefined;
  /** File for the ranges that differ. */
  rangesOut: string | undefined;
}

/** A command and its output. */
interface Named {
  name: string;
  output: CopyOutput;
}

/** Parts of a copy that decide where its summary goes. */
interface Summed {
  output: CopyOutput;
  dryRun: boolean;
}

/** Starts to show the progress of a copy. */
export async function displayFor(
  { quiet, json, progress, stats }: CopyOutput,
  state: CopyState,
  native: typeof Binding,
): Promise<CopyDisplay> {
  if ((quiet || json) && !progress) {
    return stats ? summaryOnly : hidden;
  }
  if (stderrCanDraw()) {
    const { liveDisplay } = await import("../../ui/people/copy-on-terminal.ts");
    return liveDisplay(state, () => native.TerminalLock.acquire());
  }
  return progress ? stepDisplay(state) : minuteDisplay(state);
}

const summaryOnly: CopyDisplay = {
  finish: (lines) => lines?.forEach(printLine),
};

/** Returns the function that warns a person, at most once of each thing. */
export function warner(
  { name, output: { quiet } }: Named,
  events: CopyEvents | undefined,
): Pick<StageContext, "warn" | "alarm"> {
  const said = new Set<string>();
  const alarm = (message: string): void => {
    if (!said.has(message)) {
      said.add(message);
      events?.warn(message);
      printLine(`WARNING (${name}): ${message}`);
    }
  };
  return { alarm, warn: quiet ? () => undefined : alarm };
}

/** Returns the function that tells a person what happens. */
export function teller({ name, output: { quiet, json } }: Named): StageContext["tell"] {
  return (message) => {
    if (!quiet && !json) {
      printLine(`blockcopy ${name}: ${message}`);
    }
  };
}

/** Makes the summary for standard error; undefined if none is wanted there. */
export function summaryOf({ output, dryRun }: Summed, copied?: CopyResult): string[] | undefined {
  const { quiet, json, stats } = output;
  if (copied === undefined || (dryRun && !json) || ((quiet || json) && !stats)) {
    return undefined;
  }
  return summary(output, copied);
}

/** Prints the summary of a dry run, or of a comparison, on standard output: it is the result that was asked for. */
export async function printDryRun(
  { output, dryRun }: Summed,
  copied: CopyResult,
  native: typeof Binding,
): Promise<void> {
  const { quiet, json, stats } = output;
  if (dryRun && !json && (!quiet || stats || copied.differs === true)) {
    const text = summary(output, copied).map((line) => `${printable(line)}\n`);
    await new Output(native, "result").finish([Buffer.from(text.join(""))]);
  }
}

function summary({ drawMap: wanted }: CopyOutput, copied: CopyResult): string[] {
  const lines = summaryLines(copied);
  if (!wanted || copied.map === undefined) {
    return lines;
  }
  const columns = (stderrIsTerminal() && process.stderr.columns) || USUAL_COLUMNS;
  return [...lines, "", ...drawMap(copied.map, { columns, unicode: !isAsciiOnly() })];
}
