import { ExitCode } from "../errors/exit-codes.ts";
import { stdoutWasClosed } from "../native/closed-streams.ts";
import { printLine, printText } from "../ui/stderr.ts";

/** Prints text on standard output, and returns the exit code. A reader that has gone, as `head` does, is not worth a message. */
export function printAnswer(text: string): number {
  const failed = stdoutWasClosed ? "EBADF" : printText(text);
  if (failed === undefined) {
    return ExitCode.success;
  }
  if (failed === "EPIPE") {
    return ExitCode.readerGone;
  }
  printLine(`ERROR (blockcopy): cannot write to standard output: ${failed}; check where it goes`);
  return ExitCode.io;
}
