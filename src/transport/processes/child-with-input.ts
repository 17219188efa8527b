import { closeSync, write } from "node:fs";
import { promisify } from "node:util";

import type * as Binding from "../../native/binding.js";
import { type ExitStatus, startChild } from "./child.ts";

const writeSome = promisify(write);

/** Capacity of the pipe to the program, in bytes. */
const PIPE_LENGTH = 1024 * 1024;

/** Bytes per write. Each write that succeeds shows that the program is still reading. */
const CHUNK_LENGTH = 64 * 1024;

/** A program and its input. */
export interface ChildWithInput {
  command: readonly [string, ...string[]];
  input: Uint8Array;
  /** Called with each line that it prints on standard error. */
  onLine: (text: string) => void;
  /** Called after each write that has succeeded. */
  onWrite: () => void;
  /** Kills the program when it is aborted. */
  signal: AbortSignal;
}

/** Runs a program that reads `input`. Its standard output goes to /dev/null. */
export async function runWithInput(
  native: Pick<typeof Binding, "makePipe">,
  { command, input, onLine, onWrite, signal }: ChildWithInput,
): Promise<ExitStatus> {
  const pipe = native.makePipe(PIPE_LENGTH);
  const child = startChild({ command, stdin: pipe.read, stdout: "ignore", onLine });
  closeSync(pipe.read);
  // A stopped process ignores SIGTERM.
  signal.addEventListener("abort", () => child.kill("SIGKILL"));
  // Not awaited: a process that the program leaves running may keep the pipe open and read nothing.
  void writeInput(pipe.write, input, onWrite);
  return (await child.ended).status;
}

async function writeInput(fd: number, input: Uint8Array, onWrite: () => void): Promise<void> {
  try {
    for (let at = 0; at < input.length;) {
      const length = Math.min(CHUNK_LENGTH, input.length - at);
      at += (await writeSome(fd, input, at, length)).bytesWritten;
      onWrite();
    }
  } catch {
    // The exit status of the program says why it stopped reading.
  } finally {
    closeSync(fd);
  }
}
