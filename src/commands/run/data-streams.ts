import { CopyError, UsageError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { StreamError } from "../../errors/stream-errors.ts";
import { stdinWasClosed, stdoutWasClosed } from "../../native/closed-streams.ts";
import { isTerminal } from "../../ui/is-terminal.ts";

/** A standard stream that carries data, with its name in messages and the command that belongs at its other end. */
export interface DataStream {
  fd: 0 | 1;
  name: string;
  other: string;
}

/** Streams of a command, and whether standard output gets anything else. */
interface Streams {
  streams: readonly DataStream[];
  /** Standard output is for people. */
  forPeople?: boolean;
  /** A result goes to standard output. */
  printsResult?: boolean;
}

/**
 * Refuses a closed standard output, where everything written would be lost without an error.
 *
 * @throws StreamError
 */
export function refuseClosedOutput({ streams, forPeople, printsResult }: Streams): void {
  const output = streams.find(({ fd }) => fd === 1)?.name;
  if (stdoutWasClosed && (output !== undefined || forPeople === true || printsResult === true)) {
    throw new StreamError(`writing the ${output ?? "result"} to standard output`, "EBADF", 0);
  }
}

/**
 * Refuses a closed standard input, which would look like an empty one.
 *
 * @throws CopyError
 */
export function refuseClosedInput(streams: readonly DataStream[]): void {
  const input = streams.find(({ fd }) => fd === 0);
  if (stdinWasClosed && input !== undefined) {
    throw new CopyError(
      `cannot read ${input.name}: standard input is closed`,
      adviceFor(input),
      ExitCode.io,
    );
  }
}

/**
 * Refuses to write data to a terminal or to read it from one.
 *
 * @throws UsageError
 */
export function refuseTerminals(streams: readonly DataStream[]): void {
  for (const stream of streams) {
    const { fd, name } = stream;
    if (isTerminal(fd)) {
      const what =
        fd === 1 ? "will not write binary data to terminal" : "there is no data on a terminal";
      throw new UsageError(`${name} is a tty - ${what}`, adviceFor(stream));
    }
  }
}

function adviceFor({ other }: DataStream): string {
  return `connect it to \`${other}\` or to a file`;
}
