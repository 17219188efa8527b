import type { StageContext } from "../../blocks/context.ts";
import { Cancellation } from "../../blocks/cancellation.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { wantsLegacy } from "../../process/environment.ts";
import { type EventLines, eventLine } from "../../ui/event-lines.ts";
import { silent } from "../../ui/progress.ts";
import { printLine } from "../../ui/stderr.ts";
import { Tally } from "../../ui/stage-progress.ts";
import type { IoOptions } from "../options/io-options.ts";
import type { DataStream } from "./data-streams.ts";
import { errorEvent } from "../../stages/error-event.ts";
import { runCommand } from "./run-command.ts";
import { startEngine } from "./start-engine.ts";
import { eventsOf, progressFor, type ShownStage } from "./stage-display.ts";

/** A stage of the pipeline, run by its command. */
export interface Stage extends ShownStage {
  /** Print details. */
  verbose: boolean;
  streams: DataStream[];
  /** True if a result goes to standard output. */
  printsResult?: boolean;
  io: IoOptions;
  /** Report to another program by events, instead of to a person. */
  events?: boolean;
  /** Connect with the other stage directly: standard input only tells how. */
  tunnel?: boolean;
  /** Reads what comes on standard input before anything else. */
  readPreface?: (native: StageContext["native"]) => Promise<void>;
  /** Does the work, and returns its result in words if there is anything to say. */
  work: (context: StageContext) => Promise<string | undefined>;
}

/** Runs a stage and ends the process. */
export function runStage(stage: Stage): Promise<never> {
  const progress = new Tally(stage.done, silent);
  const cancellation = new Cancellation();
  let events: EventLines | undefined;
  return runCommand({
    name: stage.name,
    verbose: stage.verbose,
    streams: stage.streams,
    printsResult: stage.printsResult === true,
    unfinished: unfinished(stage),
    tell: () => {
      if (stage.events !== true) {
        printLine(`blockcopy ${stage.name}: ${progress.text}`);
      } else {
        events?.tell();
      }
    },
    finish: ({ code, outcome }) => {
      progress.finish({ succeeded: code === ExitCode.success, outcome });
      return undefined;
    },
    ...(stage.events === true && {
      failure: (error: unknown, name: string) => errorEvent(error, name, cancellation.synced),
    }),
    cancellation,
    work: async ({ native, debug }) => {
      // Every stage refuses an unknown BLOCKCOPY_WIRE, even if it does not depend on it.
      wantsLegacy();
      events = stage.events === true ? eventsOf(stage.io.threads, native) : undefined;
      progress.show(events ?? (await progressFor(stage, native)));
      await stage.readPreface?.(native);
      // Loaded when it is needed: most copies do without it.
      const loaded =
        stage.tunnel === true ? await import("../../stages/direct-streams.ts") : undefined;
      const tunnel = await loaded?.DirectStreams.open({ native, debug, report: printLine });
      const printWarning = (
        message: string,
        more: { left?: true; audit?: number | undefined },
      ): void =>
        printLine(
          stage.events === true
            ? eventLine({ event: "warning", message, ...more })
            : `WARNING (${stage.name}): ${message}`,
        );
      const warn = (message: string, audit?: number): void => printWarning(message, { audit });
      const alarm = (message: string): void => printWarning(message, { left: true });
      const tell = (message: string): void => printLine(`blockcopy ${stage.name}: ${message}`);
      const says = { warn, alarm, tell, debug };
      const { direct } = stage.io;
      const engine = startEngine(native, stage.io, says);
      const work = (): Promise<string | undefined> =>
        stage.work({ native, engine, direct, progress, cancellation, ...says });
      const awaitsPeer = stage.name === "receive";
      return tunnel === undefined ? work() : tunnel.during(work, { awaitsPeer });
    },
  });
}

function unfinished(stage: Stage): string {
  return ["save", "receive"].includes(stage.name)
    ? "the destination is not complete"
    : "its stream is not complete";
}
