import { writeSync } from "node:fs";
import { isatty } from "node:tty";

const STDERR = 2;
const RETRY_MILLISECONDS = 5;

/** Whether a person looks at standard error. */
export function stderrIsTerminal(): boolean {
  return isatty(STDERR);
}

/**
 * Prints a line on standard error, at once. On a terminal, what another stage is drawing there is wiped
 * first.
 */
export function printLine(line: string): void {
  let rest = Buffer.from(stderrIsTerminal() ? `\r\x1b[K${line}\n` : `${line}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(STDERR, rest));
    } catch (error) {
      // A non-blocking descriptor that is full is tried again; when nobody listens any more, there is nobody to tell.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) {
        return;
      }
      pause(RETRY_MILLISECONDS);
    }
  }
}

/** Waits without the event loop: what is printed may be the last thing that the process does. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
