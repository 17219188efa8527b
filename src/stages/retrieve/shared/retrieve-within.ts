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
import type { JsonLine } from "../../../ui/json-line.ts";
import type { DirectStreams } from "../../direct-streams.ts";
import { errorEvent } from "../../error-event.ts";
import { Comparison } from "../comparison.ts";
import { lossOf } from "../retrieve.ts";
import type { RetrieveOptions } from "../retrieve-options.ts";
import type { SharedReads } from "./shared-reads.ts";
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
  { seat, options, direct }: Pick<WithinRun, "seat" | "options" | "direct">,
): Within {
  return (io) => {
    let stop: (error: Error) => void = () => undefined;
    const stopped = new Promise<never>((_, reject) => (stop = reject));
    stopped.catch(() => undefined);
    seat.next = 0;
    return {
      ended: run(context, shared, { seat, options, direct, io, stopped }),
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
  /** Connect with the destination directly: standard input is only the control channel. */
  direct: boolean;
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

async function send(context: StageContext, shared: SharedSource, within: WithinRun): Promise<void> {
  const { seat, options, stopped } = within;
  const { opened } = shared;
  const streams = await (within.direct ? connect(context, within) : streamsOf(context, within));
  const reads = shared.readsFor(seat);
  context.progress.begin(opened.source.size, opened.origin.instance());
  try {
    const comparison = new Comparison(context, options, opened, { ...streams, reads });
    const compare = (): Promise<void> => comparison.run();
    const compared = streams.tunnel?.during(compare, { awaitsPeer: false }) ?? compare();
    await Promise.race([compared, stopped]);
  } finally {
    tidyUp(context, streams, reads);
  }
}

/** The streams of one run. */
interface Streams {
  input: Input;
  output: Output;
  tunnel: DirectStreams | undefined;
}

/** Returns the streams over the descriptors of a run, or those of a direct connection. */
function streamsOf(
  { native }: StageContext,
  { io: { stdin, stdout }, options: { rate } }: WithinRun,
  tunnel?: DirectStreams,
): Streams {
  const ends = tunnel ?? { input: stdin, output: stdout };
  if (ends.input === "ignore" || ends.output === "ignore") {
    throw new TypeError("work of this process needs both of its pipes");
  }
  return {
    input: new Input(native, "hash stream", ends.input),
    output: new Output(native, "block stream", { rate, fd: ends.output }),
    tunnel,
  };
}

/** Connects with the destination. */
async function connect(context: StageContext, within: WithinRun): Promise<Streams> {
  const { native, debug } = context;
  const { stdin, onLine } = within.io;
  if (stdin === "ignore") {
    throw new TypeError("work of this process needs its control channel");
  }
  // Loaded when it is needed: most copies do without it.
  const { DirectStreams } = await import("../../direct-streams.ts");
  const report = (event: JsonLine): void => onLine(event.text);
  const opening = DirectStreams.open({ native, debug, report, control: stdin });
  const connecting = opening.then((tunnel) => streamsOf(context, within, tunnel));
  try {
    return await Promise.race([connecting, within.stopped]);
  } catch (error) {
    // The connection may still come up.
    void connecting.then(
      (late) => tidyUp(context, late),
      () => undefined,
    );
    throw error;
  }
}

/** Begins to close what a run has used, without waiting: a write to a program that does not read ends only when the program does. */
function tidyUp({ debug }: StageContext, streams: Streams, reads?: SharedReads): void {
  close(streams, reads).catch((error: unknown) =>
    debug(`cannot close the streams of a destination: ${failureMessage(error)}`),
  );
}

/**
 * Closes the streams and gives the memory back, as soon as no system call uses them any more.
 *
 * It waits for a direct connection first, which would take the end of a pipe that is closed here for the end of the stream. That connection
 * ends with the control channel, which is closed at the end of the run.
 */
async function close({ input, output, tunnel }: Streams, reads?: SharedReads): Promise<void> {
  await tunnel?.settled();
  try {
    await output.close();
  } finally {
    reads?.close();
    await input.close();
  }
}
