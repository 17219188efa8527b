import { AdvisedError, type StageContext } from "../stages/context.ts";
import type { Ended } from "../transport/child.ts";
import { runJoined } from "../transport/joined-pair.ts";
import { parseEvent, type StageEvent } from "../ui/event-lines.ts";
import type { Progress } from "../ui/progress.ts";
import { formatBytes } from "../ui/format.ts";
import { type Endpoint, nameOf } from "./endpoint.ts";
import { type Far, stageCommand, whereIs } from "./far-command.ts";

/** What to make equal, where at least one side is on another host. */
export interface RemoteOptions {
  source: Endpoint;
  destination: Endpoint;
  /** Options of the stage that reads the source. */
  retrieve: readonly string[];
  /** Options of the stage that reads and writes the destination. */
  receive: readonly string[];
  far: Far;
  /** Only say what would be done. */
  dryRun: boolean;
}

/** Exit codes of what connects and of the shell behind it. */
const SSH_FAILED = 255;
const NOT_FOUND = 127;

/** Of a program that ended with something else than success, what it said. */
const LAST_LINES = 5;

/** A copy between hosts failed. */
export class SyncError extends AdvisedError {
  override readonly name = "SyncError";

  /** The exit code: that of the stage that failed, or one for a connection. */
  readonly code: number;

  constructor(message: string, advice: string, code: number) {
    super(message, advice);
    this.code = code;
  }
}

/** Exit codes of connections, of sysexits.h. */
const EX_UNAVAILABLE = 69;
const EX_TEMPFAIL = 75;

/** What is known of one side. */
class Side {
  readonly end: Endpoint;
  readonly role: string;
  hello = false;
  total: number | undefined;
  done = 0;
  counts: Record<string, number> = {};
  outcome: string | null = null;
  error: (StageEvent & { event: "error" }) | undefined;
  /** The last of what it said that is no event: words of ssh, of a shell. */
  readonly said: string[] = [];

  constructor(end: Endpoint, role: string) {
    this.end = end;
    this.role = role;
  }

  /** Takes a line; returns the event that it is. */
  take(line: string): StageEvent | undefined {
    const event = parseEvent(line);
    if (event === undefined) {
      // What a stage says with --verbose is no part of a failure.
      if (!/^blockcopy (?:retrieve|receive): /.test(line)) {
        this.said.push(line);
        this.said.splice(0, this.said.length - LAST_LINES);
      }
      return undefined;
    }
    switch (event.event) {
      case "hello":
        this.hello = true;
        break;
      case "begin":
        this.total = event.total ?? undefined;
        break;
      case "progress":
        this.done = event.done;
        this.counts = event.counts;
        break;
      case "error":
        this.error = event;
        break;
      case "end":
        this.outcome = event.outcome;
        break;
      case "warning":
      case "aside":
        break;
    }
    return event;
  }
}

/**
 * Makes a file or device equal to another one, of which at least one is on another host: runs `retrieve` where the source is and
 * `receive` where the destination is, and joins them by pipes.
 *
 * @returns what came of it, in words
 * @throws SyncError, OptionError
 */
export async function syncRemote(
  { native, progress, warn, debug }: Pick<StageContext, "native" | "progress" | "warn" | "debug">,
  { source, destination, retrieve, receive, far, dryRun }: RemoteOptions,
): Promise<string> {
  const from = new Side(source, "source");
  const to = new Side(destination, "destination");
  let aside: { shown: Progress; done: number } | undefined;
  const showAside = (now: { what: string; total: number; done: number } | null): void => {
    if (now === null) {
      aside?.shown.finish(true);
      aside = undefined;
    } else {
      aside ??= { shown: progress.aside(now.what, now.total), done: 0 };
      aside.shown.advance(now.done - aside.done);
      aside.done = now.done;
    }
  };
  const listen =
    (side: Side) =>
    (line: string): void => {
      const before = side.done;
      const event = side.take(line);
      if (event === undefined) {
        debug(`${whereIs(side.end)}: ${line}`);
      } else if (event.event === "warning") {
        warn(side.end.kind === "local" ? event.message : `${whereIs(side.end)}: ${event.message}`);
      } else if (event.event === "aside") {
        showAside(event.aside);
      } else if (event.event === "begin") {
        // The source knows how much there is, unless only a part of it was asked for: that, the destination knows.
        progress.begin(from.total ?? to.total);
      } else if (side === from && side.done > before) {
        progress.advance(side.done - before);
      }
    };
  const command = (end: Endpoint, words: readonly string[]): [string, ...string[]] => {
    const whole = stageCommand(end, words, far);
    debug(`${whereIs(end)}: ${whole.join(" ")}`);
    return whole;
  };
  const rehearse = dryRun ? ["--dry-run"] : [];
  const words = {
    receive: ["receive", ...rehearse, ...receive],
    retrieve: ["retrieve", "--events", ...rehearse, ...retrieve],
  };
  const { ended, first } = await runJoined(
    native,
    [
      { command: command(destination, words.receive), line: listen(to) },
      { command: command(source, words.retrieve), line: listen(from) },
    ],
    // A stage here hears of it when this process is gone; what connects to a host does not.
    source.kind === "remote" && destination.kind === "remote",
  );
  if (first !== undefined) {
    throw cause([to, from], ended, first, warn);
  }
  return dryRun ? forecast(from) : summary(from, to);
}

/** What was at the beginning of a failure: not what came of it on the other side. */
function cause(
  sides: [Side, Side],
  ended: [Ended, Ended],
  first: 0 | 1,
  warn: StageContext["warn"],
): SyncError {
  const order = first === 0 ? ([0, 1] as const) : ([1, 0] as const);
  const own = order.find((index) => sides[index].error?.consequence === false);
  const silent = order.find((index) => sides[index].error === undefined && failed(ended[index]));
  const index = own ?? silent ?? first;
  const side = sides[index];
  // The last line is in the message; of a failure that the stage has told of itself, all are in front of it.
  for (const line of side.error === undefined ? side.said.slice(0, -1) : side.said) {
    warn(`${whereIs(side.end)}: ${line}`);
  }
  return failureOf(side, ended[index]);
}

function failed(ended: Ended): boolean {
  return !("code" in ended) || ended.code !== 0;
}

function failureOf(side: Side, ended: Ended): SyncError {
  const { end, error, role } = side;
  const where = whereIs(end);
  if (error !== undefined) {
    const on = end.kind === "local" ? "" : `on ${where}: `;
    return new SyncError(`${on}${error.message}`, error.advice, error.code);
  }
  const last = side.said.at(-1);
  const said = last === undefined ? "" : `: ${last}`;
  if ("failed" in ended) {
    return new SyncError(
      `the program that connects to ${where} cannot be started (${ended.failed})`,
      "install ssh, or give another with --rsh",
      EX_UNAVAILABLE,
    );
  }
  if ("code" in ended && ended.code === NOT_FOUND && !side.hello) {
    return new SyncError(
      `there is no blockcopy on ${where}${said}`,
      `install it there, in the PATH of \`ssh ${where} 'echo $PATH'\`, or give its path with --remote-command`,
      EX_UNAVAILABLE,
    );
  }
  if (!side.hello && !("code" in ended && ended.code === SSH_FAILED)) {
    return new SyncError(
      `blockcopy cannot be run on ${where}${said}`,
      "look at what it says; it must be of the same version on both hosts",
      EX_UNAVAILABLE,
    );
  }
  if (!side.hello) {
    return new SyncError(
      `no connection to ${where} for ${nameOf(end)}${said}`,
      `try \`ssh ${where} true\``,
      EX_UNAVAILABLE,
    );
  }
  const dropped = "code" in ended && ended.code === SSH_FAILED;
  const how = dropped
    ? `the connection to ${where}, or the stage there, has gone`
    : `the stage at the ${role} on ${where} ended without a word (${"signal" in ended ? ended.signal : `code ${ended.code}`})`;
  return new SyncError(
    `${how}${said}`,
    "run it again: what was written stays, and only what is missing is sent",
    EX_TEMPFAIL,
  );
}

function summary(from: Side, to: Side): string {
  const { changed = 0, blocks = 0, sent = 0 } = from.counts;
  const what =
    blocks === 0
      ? "nothing differed"
      : `${blocks} blocks (${formatBytes(changed)}) differed and were replaced, ${formatBytes(sent)} sent`;
  return to.outcome === null ? what : `${what}; ${to.outcome}`;
}

function forecast(from: Side): string {
  const { changed = 0, blocks = 0, sent = 0 } = from.counts;
  return blocks === 0
    ? "nothing differs"
    : `${blocks} blocks (${formatBytes(changed)}) differ, ${formatBytes(sent)} would be sent`;
}
