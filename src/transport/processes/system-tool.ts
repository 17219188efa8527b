import { type ChildProcess, spawn, spawnSync, type SpawnSyncOptions } from "node:child_process";
import { accessSync, closeSync, constants, fstatSync, readSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";

import { systemCode, systemReason } from "../../errors/stream-errors.ts";
import { clock } from "../../native/clock.ts";
import { pause } from "../../native/pause.ts";
import { openUnnamed } from "../files/temporary.ts";
import { asOneLine, MOST_BYTES } from "../streams/last-words.ts";
import { endsWithThis } from "./ends-with-this.ts";
import { limited } from "./limited.ts";
import { isRunning } from "./process-tree.ts";

/** Folders of system programs. PATH is not asked: whoever sets it would decide what root runs. */
export const FOLDERS = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** Seconds for which a program is waited for after SIGTERM. */
const PATIENCE = 30;

/** The same where this process gives no sign of life: with the time of LVM, less than the minute after which `sync` gives up a stage. */
const SILENT_PATIENCE = 10;

/** Milliseconds between two looks at a program that runs. */
const INTERVAL = 20;

/** Longest standard output, in bytes. */
const MOST_OUTPUT = 4 * 1024 * 1024;

/** The end of a system program: its standard output, and the reason if it failed. */
export interface ToolEnd {
  output: string;
  /** The reason, with what it said last; undefined after a success. */
  failure: string | undefined;
}

/** Returns the path of a system program; undefined if it is not installed. */
export function findTool(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Runs a system program, and waits for its end. It is synchronous, because it may be the last thing that the process does.
 *
 * Its output goes to files without names: a daemon that it leaves running may keep a pipe open for ever. It gets a session of its own, so
 * that no signal for this program interrupts it halfway, and SIGTERM after `seconds`, which LVM heeds only where that does no harm. It is not
 * waited for much longer: where a disk does not answer, no signal ends it. Then only the shell that sends that signal is killed.
 */
export function runTool(name: string, args: readonly string[], seconds: number): ToolEnd {
  const path = findTool(name);
  if (path === undefined) {
    return missing(name);
  }
  awaitRunning(seconds);
  const files: number[] = [];
  try {
    const [output, error] = [unnamedFile(files), unnamedFile(files)];
    // The types do not have `detached`, which spawnSync() takes like spawn().
    const options: SpawnSyncOptions & { detached: boolean } = {
      ...surroundings(output, error),
      timeout: (seconds + Math.min(seconds, SILENT_PATIENCE)) * 1000,
      killSignal: "SIGKILL",
      detached: true,
    };
    const [shell, ...words] = limited([path, ...args], seconds);
    const begun = clock();
    const ended = spawnSync(shell, words, options);
    const isLate = clock() - begun >= seconds * 1000;
    return toolEnd(name, { ...ended, isLate }, { output, error, most: MOST_OUTPUT, seconds });
  } catch (error) {
    return notStarted(name, error);
  } finally {
    files.forEach((file) => closeSync(file));
  }
}

/** The programs that {@link awaitTool} has started, and that may still run. */
const running = new Set<number>();

/**
 * Runs a system program as {@link runTool} does, while this process goes on. If this process ends first, the program does not.
 */
export async function awaitTool(
  name: string,
  args: readonly string[],
  seconds: number,
): Promise<ToolEnd> {
  const path = findTool(name);
  if (path === undefined) {
    return missing(name);
  }
  const files: number[] = [];
  try {
    const [output, error] = [unnamedFile(files), unnamedFile(files)];
    const child = spawn(path, args, { ...surroundings(output, error), detached: true });
    const { pid } = child;
    if (pid !== undefined) {
      running.add(pid);
      child.on("exit", () => running.delete(pid));
    }
    const ended = await endOf(child, { seconds, signal: "SIGTERM", patience: PATIENCE });
    return toolEnd(name, ended, { output, error, most: MOST_OUTPUT, seconds });
  } catch (error) {
    return notStarted(name, error);
  } finally {
    files.forEach((file) => closeSync(file));
  }
}

/**
 * Waits for the programs that {@link awaitTool} has started: if this process is about to end, it must not look for what an lvcreate makes
 * before that is there.
 */
function awaitRunning(seconds: number): void {
  const begun = clock();
  for (const pid of running) {
    while (isRunning(pid) && clock() - begun < seconds * 1000) {
      pause(INTERVAL);
    }
  }
}

/** Bytes of a long output to pass on at once. */
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
 * Runs a system program that only reads, as {@link runTool} does, but for so long that this process goes on meanwhile, and gives signs of
 * life. It gets SIGKILL after its time, and is not waited for: a disk that does not answer may hold it up for ever.
 *
 * @returns the reason if it failed
 * @throws whatever `take` throws
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
  const files: number[] = [];
  try {
    const [output, error] = [unnamedFile(files), unnamedFile(files)];
    const [shell, ...words] = endsWithThis([path, ...args]);
    const child = spawn(shell, words, { ...surroundings(output, error), detached: true });
    started(() => signalGroup(child, "SIGKILL"));
    const ended = await endOf(child, { seconds, signal: "SIGKILL", patience: 0 });
    const { size } = fstatSync(output);
    if (ended.status !== 0 || size > most) {
      return toolEnd(name, ended, { output, error, most, seconds }).failure;
    }
    for (let at = 0; at < size; at += PIECE) {
      take(textAt(output, at, Math.min(PIECE, size - at), "latin1"));
      await turn();
    }
    return undefined;
  } finally {
    files.forEach((file) => closeSync(file));
  }
}

/** Reads what a program has printed to its files, and says why it has failed. */
function toolEnd(
  name: string,
  ended: Ended,
  files: { output: number; error: number; most: number; seconds: number },
): ToolEnd {
  const { output, error, most, seconds } = files;
  if (ended.status === 0) {
    const text = beginningOf(output, most);
    return text === undefined
      ? { output: "", failure: `${name} printed more than ${most} bytes` }
      : { output: text, failure: undefined };
  }
  const said = lastWords(error);
  return { output: "", failure: `${name} ${reasonOf(ended, seconds)}${said && `: ${said}`}` };
}

/** The time that a program may take, the signal after that, and the seconds for which it is waited for then. */
interface Limit {
  seconds: number;
  signal: NodeJS.Signals;
  patience: number;
}

/** Waits for the end of a program that leads a process group; after its time, signals the whole group. */
function endOf(child: ChildProcess, { seconds, signal, patience }: Limit): Promise<Ended> {
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

/** Sends a signal to all processes of the group of a program, unless that has ended: another group may have its number then. */
export function signalGroup(
  { pid, exitCode, signalCode }: ChildProcess,
  signal: NodeJS.Signals,
): void {
  if (pid !== undefined && exitCode === null && signalCode === null) {
    try {
      process.kill(-pid, signal);
    } catch {
      // It has just ended, or belongs to another user, as a child of sudo does.
    }
  }
}

function missing(name: string): ToolEnd & { failure: string } {
  return { output: "", failure: `${name} is not in ${FOLDERS.join(", ")}` };
}

function notStarted(name: string, error: unknown): ToolEnd {
  return { output: "", failure: `${name} could not be started: ${systemReason(error)}` };
}

/** The descriptors and the environment of a system program. */
function surroundings(
  output: number,
  error: number,
): Pick<SpawnSyncOptions, "env" | "cwd"> & { stdio: ["ignore", number, number] } {
  return {
    stdio: ["ignore", output, error],
    env: { PATH: FOLDERS.join(":"), LC_ALL: "C", LVM_SUPPRESS_FD_WARNINGS: "1" },
    cwd: "/",
  };
}

/** Opens a file without a name, and adds it to `files`. */
function unnamedFile(files: number[]): number {
  const file = openUnnamed();
  files.push(file);
  return file;
}

/** The end of a process, as Node reports it. */
interface Ended {
  status: number | null;
  signal: string | null;
  error?: Error | undefined;
  /** True if it has not ended in its time. */
  isLate?: boolean;
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

/** Returns the text of a file; undefined if it is longer than `most` bytes. */
function beginningOf(file: number, most: number): string | undefined {
  const { size } = fstatSync(file);
  return size > most ? undefined : textAt(file, 0, size);
}

/** Returns the end of what a program has printed, as one line. */
export function lastWords(file: number): string {
  const { size } = fstatSync(file);
  const start = Math.max(0, size - MOST_BYTES);
  return asOneLine(textAt(file, start, size - start), { isCut: start > 0 });
}

function textAt(
  file: number,
  position: number,
  length: number,
  encoding: "utf8" | "latin1" = "utf8",
): string {
  const bytes = Buffer.alloc(length);
  let at = 0;
  while (at < length) {
    const count = readSync(file, bytes, at, length - at, position + at);
    if (count === 0) {
      break;
    }
    at += count;
  }
  return bytes.toString(encoding, 0, at);
}
