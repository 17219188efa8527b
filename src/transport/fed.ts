import { closeSync, write } from "node:fs";
import { promisify } from "node:util";

import type * as Binding from "../native/binding.js";
import { type Ended, startChild } from "./child.ts";

const writeSome = promisify(write);

/** Bytes that a pipe to a process holds. */
const PIPE_LENGTH = 1024 * 1024;

/** Runs a program that reads `input`; what it prints on standard output goes to /dev/null. `line` is told of each line on standard error. */
export async function runFed(
  native: Pick<typeof Binding, "makePipe">,
  command: readonly [string, ...string[]],
  input: Uint8Array,
  line: (text: string) => void,
): Promise<Ended> {
  const pipe = native.makePipe(PIPE_LENGTH);
  const child = startChild({ command, stdin: pipe.read, stdout: "ignore", line });
  closeSync(pipe.read);
  // Not waited for: what the program leaves running may have the pipe open, and read nothing.
  void feed(pipe.write, input);
  return child.ended;
}

async function feed(fd: number, input: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < input.length;) {
      at += (await writeSome(fd, input, at, input.length - at)).bytesWritten;
    }
  } catch {
    // Whoever reads no further is told of by how it ends.
  } finally {
    closeSync(fd);
  }
}
