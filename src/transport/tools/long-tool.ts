import { spawn } from "node:child_process";
import { setImmediate as turn } from "node:timers/promises";

import { endsWithThis } from "../processes/ends-with-this.ts";
import { signalGroup } from "../processes/signal-group.ts";
import { findTool } from "../processes/find-tool.ts";
import { endOf, failureOf, missing, tooLong } from "./tool-end.ts";
import { ToolFiles } from "./tool-files.ts";

/** Bytes of the output to pass on at once. */
const PIECE = 1024 * 1024;

/** Limits of {@link runLongTool}, and the taker of its output. */
interface LongToolOptions {
  /** Longest standard output, in bytes. */
  most: number;
  /** Seconds that it may take. */
  seconds: number;
  /** Called after a success with each piece of its standard output, with one character per byte. */
  take: (text: string) => void;
  /** Called with a function that ends the program, in case this process ends first. */
  started: (stop: () => void) => void;
}

/**
 * Runs a system program that only reads, as `runTool` does, but for so long that this process goes on meanwhile, and gives signs of life. It
 * gets SIGKILL after its time, and is not waited for: a disk that does not answer may hold it up for ever.
 *
 * @returns the reason if it failed
 * @throws whatever `take` throws; TemporaryError
 */
export async function runLongTool(
  name: string,
  args: readonly string[],
  { most, seconds, take, started }: LongToolOptions,
): Promise<string | undefined> {
  const path = findTool(name);
  if (path === undefined) {
    return missing(name).failure;
  }
  const files = ToolFiles.open();
  try {
    const [shell, ...words] = endsWithThis([path, ...args]);
    const child = spawn(shell, words, files.options);
    started(() => signalGroup(child, "SIGKILL"));
    const ended = await endOf(child, { seconds, signal: "SIGKILL", patience: 0 });
    if (ended.status !== 0) {
      return failureOf(name, ended, files, seconds);
    }
    const { length } = files;
    if (length > most) {
      return tooLong(name, most);
    }
    for (let at = 0; at < length; at += PIECE) {
      take(files.textAt(at, Math.min(PIECE, length - at), "latin1"));
      await turn();
    }
    return undefined;
  } finally {
    files.close();
  }
}
