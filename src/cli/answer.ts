import { writeFileSync } from "node:fs";

import { ExitCode } from "../errors/exit-codes.ts";
import { systemCode } from "../errors/stream-errors.ts";
import { printLine } from "../ui/stderr.ts";

const STDOUT = 1;

/** Prints text on standard output, and returns the exit code. A reader that has gone, as `head` does, is not worth a message. */
export function printAnswer(text: string): number {
  try {
    writeFileSync(STDOUT, text);
    return ExitCode.success;
  } catch (error) {
    const code = systemCode(error);
    if (code === "EPIPE") {
      return ExitCode.readerGone;
    }
    printLine(`ERROR (blockcopy): cannot write to standard output: ${code}; check where it goes`);
    return ExitCode.io;
  }
}
