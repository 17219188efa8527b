import { writeFileSync } from "node:fs";

import { ExitCode } from "../errors/exit-codes.ts";
import { systemCode } from "../errors/stream-errors.ts";
import { stdoutWasClosed } from "../native/closed-output.ts";
import { printLine } from "../ui/stderr.ts";

const STDOUT = 1;

/** Prints text on standard output, and returns the exit code. A reader that has gone, as `head` does, is not worth a message. */
export function printAnswer(text: string): number {
  const failed = write(text);
  if (failed === undefined) {
    return ExitCode.success;
  }
  if (failed === "EPIPE") {
    return ExitCode.readerGone;
  }
  printLine(`ERROR (blockcopy): cannot write to standard output: ${failed}; check where it goes`);
  return ExitCode.io;
}

/** Writes to standard output; returns the name of the system error if that fails. */
function write(text: string): string | undefined {
  if (stdoutWasClosed) {
    return "EBADF";
  }
  try {
    writeFileSync(STDOUT, text);
    return undefined;
  } catch (error) {
    return systemCode(error) ?? String(error);
  }
}
