import { CancelledError } from "../../blocks/cancellation.ts";
import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { exitCodeOf, failureMessage } from "../../errors/explain.ts";
import { givenEnvironment } from "../../native/node-start.ts";
import { ServerSocket, type SocketServer } from "../../transport/processes/socket-server.ts";
import type { CopyResult } from "../../sync/copy-result.ts";
import type { LocalContext } from "../../sync/local.ts";
import type { WorkOnEnds } from "./work-on-ends.ts";
import { commandIn, shownOperands } from "../server-command.ts";

/** A server that an operand names by its command has failed. */
class ServerError extends CopyError {
  override readonly name = "ServerError";
}

/**
 * Does work whose operands may be commands of servers, which run until it is done. Messages name their programs.
 *
 * @throws ServerError, the errors of the work
 */
export async function withServers(
  context: LocalContext,
  operands: readonly string[],
  work: WorkOnEnds,
): Promise<CopyResult> {
  const labels = shownOperands(operands);
  const ends = operands.map((operand, place) => {
    const command = commandIn(operand);
    return command && new EndServer(context, labels[place] ?? "", command);
  });
  const servers = ends.filter((end) => end !== undefined);
  const names = operands.map((operand, place) => ends[place]?.uri ?? operand);
  // The longest first: one URI may be the beginning of another. A string in place of the function would be a pattern, where $$ is $.
  const longest = [...servers].sort((one, other) => other.uri.length - one.uri.length);
  const named = (text: string): string =>
    longest.reduce((whole, { uri, label }) => whole.replaceAll(uri, () => label), text);
  const says = {
    warn: (message: string) => context.warn(named(message)),
    alarm: (message: string) => context.alarm(named(message)),
    tell: (message: string) => context.tell(named(message)),
    debug: (message: string) => context.debug(named(message)),
  };
  let result: CopyResult;
  try {
    result = await work({ ...context, ...says }, names, {
      start: () => servers.forEach((server) => server.start()),
    });
  } catch (error) {
    if (error instanceof Error) {
      error.message = named(error.message);
    }
    throw await explained(error, servers);
  }
  const failures = await Promise.all(servers.map((server) => server.stop()));
  const failure = failures.find((each) => each !== undefined);
  if (failure !== undefined) {
    throw new ServerError(
      `all was done, but then ${failure}`,
      "look at what the server says; if it is the destination, compare it with the source",
      ExitCode.io,
    );
  }
  return { ...result, ...(result.lines && { lines: result.lines.map(named) }) };
}

/** Stops all servers after a failure. Returns the failure, with the end of the server that has caused it. */
async function explained(cause: unknown, servers: readonly EndServer[]): Promise<unknown> {
  const message = cause instanceof CancelledError ? "" : failureMessage(cause);
  const suspects = namedIn(message, servers);
  const ends = await Promise.all(suspects.map((server) => server.endAfterFailure()));
  await Promise.all(servers.map((server) => server.stop()));
  const end = ends.find((each) => each !== undefined);
  return end === undefined
    ? cause
    : new ServerError(
        `${message}; ${end}`,
        "start the server by itself to see why; it must speak NBD on the socket that it gets as descriptor 3, as nbdkit and qemu-nbd do",
        exitCodeOf(cause),
      );
}

/** Returns the servers whose labels are in a message. One label may be the end of another. */
function namedIn(message: string, servers: readonly EndServer[]): EndServer[] {
  let rest = message;
  const longest = [...servers].sort((one, other) => other.label.length - one.label.length);
  return longest.filter(({ label }) => {
    const isNamed = rest.includes(label);
    rest = rest.replaceAll(label, "");
    return isNamed;
  });
}

/** Milliseconds for a server that has failed to end. */
const TO_END = 2000;

/** Seconds between two SIGTERMs to a server: many, since a second one ends some servers at once, before they have written what is left. */
const AGAIN = 10;

/** Most lines of a server that are shown: some print one for each request. */
const MOST_SHOWN = 20;

/** The server of an operand. */
class EndServer {
  /** The name of the operand. */
  readonly label: string;
  readonly uri: string;
  readonly #command: readonly [string, ...string[]];
  readonly #warn: (message: string) => void;
  readonly #socket: ServerSocket;
  #running: SocketServer | undefined;
  #shown = 0;

  constructor({ native, warn }: LocalContext, label: string, command: readonly string[]) {
    const [program = "", ...args] = command;
    this.label = label;
    this.#command = [program, ...args];
    this.#warn = warn;
    this.#socket = new ServerSocket(native);
    // The stages connect too.
    this.uri = this.#socket.uriFor(process.pid);
  }

  start(): void {
    this.#running = this.#socket.start({
      command: this.#command,
      env: givenEnvironment(),
      onLine: (line) => this.#show(line),
      mayBeKilled: true,
      again: AGAIN,
    });
  }

  /** Returns the end that may be the cause of a failure, as a clause; undefined if it has not ended by itself. */
  async endAfterFailure(): Promise<string | undefined> {
    const hasEnded = await this.#running?.endsWithin(TO_END);
    return hasEnded === true
      ? ((await this.stop()) ?? `${this.label}: it ended by exit code 0`)
      : undefined;
  }

  /** Stops it, if it was started. Returns the failure, as a clause. */
  async stop(): Promise<string | undefined> {
    const failure = await this.#running?.stop();
    return failure && `${this.label}: ${failure}`;
  }

  /** Shows a line; returns false after the last one. */
  #show(line: string): boolean {
    this.#shown += 1;
    if (this.#shown <= MOST_SHOWN) {
      this.#warn(`${this.label}: ${line}`);
    } else {
      this.#warn(`${this.label} says more, which is not shown`);
    }
    return this.#shown <= MOST_SHOWN;
  }
}
