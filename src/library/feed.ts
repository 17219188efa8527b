import { pipeline, Readable, type Writable } from "node:stream";

import { systemCode } from "../errors/stream-errors.ts";

/** Codes of errors that only say that the process has closed its input: its exit code tells why. */
const CLOSED = ["EPIPE", "ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE"];

/**
 * Feeds an input stream to a process. When that has ended, the stream is destroyed.
 *
 * @param stdin undefined if the process does not run
 * @param fail called if the stream fails
 */
export function feed(
  input: Readable | AsyncIterable<Uint8Array>,
  stdin: Writable | undefined,
  fail: (error: Error) => void,
): void {
  if (stdin !== undefined) {
    pipeline(input, stdin, (error) => {
      if (error && !CLOSED.includes(systemCode(error) ?? "")) {
        fail(error);
      }
    });
  } else if (input instanceof Readable) {
    // Tells the writer that the stream is not read any more.
    input.destroy();
  }
}
