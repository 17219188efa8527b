import type { StageContext } from "../../../blocks/context.ts";
import { CopyError } from "../../../errors/copy-error.ts";
import { exitCodeOf, failureMessage } from "../../../errors/explain.ts";
import { RUN_AGAIN } from "../../../errors/system-advice.ts";
import { clock } from "../../../native/clock.ts";
import type { Child } from "../../../transport/processes/child.ts";
import type { Within } from "../../../transport/processes/program.ts";
import { Input } from "../../../transport/streams/input.ts";
import { Output } from "../../../transport/streams/output.ts";
import { EventLines, eventLine, helloLine } from "../../../ui/event-lines.ts";
import { errorEvent } from "../../error-event.ts";
import { Comparison } from "../comparison.ts";
import { lossOf } from "../retrieve.ts";
import type { RetrieveOptions } from "../retrieve-options.ts";
import type { SharedSource } from "./shared-source.ts";
import type { Seat } from "./window.ts";

/** Exit codes after a signal, as of a program that it has ended. */
const SIGNAL_CODES = { SIGTERM: 143, SIGKILL: 137 } as const;

/** The services that it uses. */
export type WithinContext = Omit<StageContext, "progress" | "warn">;

/** Its streams. */
type WithinIo = Parameters<Within>[0];

/**
 * Returns `retrieve` for one of several destinations of a source, as work of this process. It reports by events, like the stage, and fails
 * alone.
 */
export function retrieveWithin(
  context: WithinContext,
  shared: SharedSource,
  { seat, options }: { seat: Seat; options: RetrieveOptions },
): Within {
  return (io) => {
    let stop: (error: Error) => void = () => undefined;
    const stopped = new Promise<never>((_, reject) => (stop = reject));
    stopped.catch(() => undefined);
    seat.next = 0;
    return {
      ended: run(context, shared, { seat, options, io, stopped }),
      kill: (signal) =>
        stop(
          new CopyError(
            `ended by ${signal}, its stream is not complete`,
            RUN_AGAIN,
            SIGNAL_CODES[signal],
          ),
        ),
    };
  };
}

/** One run, for one destination. */
interface WithinRun {
  seat: Seat;
  options: RetrieveOptions;
  io: WithinIo;
  /** Rejects when it has to end. */
  stopped: Promise<never>;
}

async function run(
  context: WithinContext,
  shared: SharedSource,
  within: WithinRun,
): Promise<Awaited<Child["ended"]>> {
  const { onLine } = within.io;
  // As from a program, no line comes before its start is known.
  await Promise.resolve();
  onLine(helloLine().text);
  const progress = new EventLines((line) => onLine(line.text));
  const warn = (message: string): void => onLine(eventLine({ event: "warning", message }).text);
  try {
    await send({ ...context, progress, warn }, shared, within);
    progress.finish({ succeeded: true });
    return { status: { code: 0 }, at: clock() };
  } catch (error) {
    const reason = (await lossOf(shared.opened, error)) ?? error;
    progress.finish({ succeeded: false });
    onLine(errorEvent(reason, "retrieve", undefined).text);
    return { status: { code: exitCodeOf(reason) }, at: clock() };
  }
}

async function send(
  context: StageContext,
  shared: SharedSource,
  { seat, options, io, stopped }: WithinRun,
): Promise<void> {
  const { opened } = shared;
  const input = new Input(context.native, "hash stream", io.stdin);
  const output = new Output(context.native, "block stream", { rate: options.rate, fd: io.stdout });
  const reads = shared.readsFor(seat);
  context.progress.begin(opened.source.size, opened.origin.instance());
  try {
    const comparison = new Comparison(context, options, opened, { input, output, reads });
    await Promise.race([comparison.run(), stopped]);
  } finally {
    tidyUp({ input, output, reads }).catch((error: unknown) =>
      context.debug(`cannot close the streams of a destination: ${failureMessage(error)}`),
    );
  }
}

/**
 * Closes the streams and gives the memory back, as soon as no call of the system uses them any more. It is not waited for: a write to a
 * program that does not read ends only when the program does.
 */
async function tidyUp({
  input,
  output,
  reads,
}: {
  input: Input;
  output: Output;
  reads: ReturnType<SharedSource["readsFor"]>;
}): Promise<void> {
  try {
    await output.close();
  } finally {
    reads.close();
    await input.close();
  }
}
