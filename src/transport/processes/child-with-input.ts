import { closeSync, write } from "node:fs";
import { promisify } from "node:util";

import type * as Binding from "../../native/binding.js";
import { type Ended, startChild } from "./child.ts";

const writeSome = promisify(write);

/** Bytes that a pipe to a process holds. */
const PIPE_LENGTH = 1024 * 1024;

/** Bytes that are passed on at once: each time it is known that the program goes on reading. */
const CHUNK_LENGTH = 64 * 1024;

/** A program and what it reads. */
export interface Fed {
  command: readonly [string, ...string[]];
  input: Uint8Array;
  /** Told of each line that it prints on standard error. */
  line: (text: string) => void;
  /** Told each time that some of the input was taken. */
  taken: () => void;
  /** The program is ended when this is aborted. */
  signal: AbortSignal;
}

/** Runs a program that reads `input`; what it prints on standard output goes to /dev/null. */
export async function runFed(
  native: Pick<typeof Binding, "makePipe">,
  { command, input, line, taken, signal }: Fed,
): Promise<Ended> {
  const pipe = native.makePipe(PIPE_LENGTH);
  const child = startChild({ command, stdin: pipe.read, stdout: "ignore", line });
  closeSync(pipe.read);
  // One that is stopped takes no notice of being told.
  signal.addEventListener("abort", () => child.kill("SIGKILL"));
  // Not waited for: what the program leaves running may have the pipe open, and read nothing.
  void feed(pipe.write, input, taken);
  return child.ended;
}

async function feed(fd: number, input: Uint8Array, taken: () => void): Promise<void> {
  try {
    for (let at = 0; at < input.length;) {
      const length = Math.min(CHUNK_LENGTH, input.length - at);
      at += (await writeSome(fd, input, at, length)).bytesWritten;
      taken();
    }
  } catch {
    // Whoever reads no further is told of by how it ends.
  } finally {
    closeSync(fd);
  }
}
