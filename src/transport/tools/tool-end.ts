import type { ChildProcess } from "node:child_process";

import { systemCode, systemReason } from "../../errors/stream-errors.ts";
import { signalGroup } from "../processes/signal-group.ts";
import { FOLDERS } from "../processes/find-tool.ts";
import type { ToolFiles } from "./tool-files.ts";

/** Longest standard output, in bytes, unless a program may print more. */
const MOST_OUTPUT = 4 * 1024 * 1024;

/** The end of a system program: its standard output, and the reason if it failed. */
export interface ToolEnd {
  output: string;
  /** The reason, with what it said last; undefined after a success. */
  failure: string | undefined;
}

/** The end of a process, as Node reports it. */
export interface Ended {
  status: number | null;
  signal: string | null;
  error?: Error | undefined;
  /** True if it has not ended in its time. */
  isLate?: boolean;
}

/** Returns the end of a program that is not installed. */
export function missing(name: string): ToolEnd & { failure: string } {
  return { output: "", failure: `${name} is not in ${FOLDERS.join(", ")}` };
}

/** Returns the end of a program that could not be started. */
export function notStarted(name: string, error: unknown): ToolEnd {
  return { output: "", failure: `${name} could not be started: ${systemReason(error)}` };
}

/**
 * Reads what a program has printed, and says why it has failed.
 *
 * @param seconds the time that it may take
 */
export function toolEnd(name: string, ended: Ended, files: ToolFiles, seconds: number): ToolEnd {
  if (ended.status !== 0) {
    return { output: "", failure: failureOf(name, ended, files, seconds) };
  }
  const { length } = files;
  return length > MOST_OUTPUT
    ? { output: "", failure: tooLong(name, MOST_OUTPUT) }
    : { output: files.textAt(0, length, "utf8"), failure: undefined };
}

/** Returns the reason why a program has failed, with what it said last. */
export function failureOf(name: string, ended: Ended, files: ToolFiles, seconds: number): string {
  const said = files.lastWords;
  return `${name} ${reasonOf(ended, seconds)}${said && `: ${said}`}`;
}

/** Returns the failure of a program whose standard output has more than `most` bytes. */
export function tooLong(name: string, most: number): string {
  return `${name} printed more than ${most} bytes`;
}

function reasonOf({ status, signal, error, isLate }: Ended, seconds: number): string {
  const code = systemCode(error);
  if (isLate === true || code === "ETIMEDOUT") {
    return `took longer than ${seconds} seconds`;
  }
  if (error !== undefined) {
    return `could not be started: ${systemReason(error)}`;
  }
  return signal === null ? `failed with exit code ${status}` : `was ended by ${signal}`;
}

/** The time that a program may take, the signal after that, and the seconds for which it is waited for then. */
interface Limit {
  seconds: number;
  signal: NodeJS.Signals;
  patience: number;
}

/** Waits for the end of a program that leads a process group; after its time, signals the whole group. */
export function endOf(child: ChildProcess, { seconds, signal, patience }: Limit): Promise<Ended> {
  return new Promise((resolve) => {
    let isLate = false;
    const end = (ended: Ended): void => {
      clearTimeout(timer);
      resolve(ended);
    };
    const giveUp = (): void => {
      child.unref();
      end({ status: null, signal: null, isLate });
    };
    let timer = setTimeout(() => {
      isLate = true;
      signalGroup(child, signal);
      timer = setTimeout(giveUp, patience * 1000);
    }, seconds * 1000);
    child.on("error", (error) => end({ status: null, signal: null, error }));
    child.on("exit", (status, by) => end({ status, signal: by, isLate }));
  });
}
