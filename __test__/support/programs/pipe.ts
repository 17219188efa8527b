// Pipes of the kernel whose ends the test itself holds, and stages that run on them.
import { spawn, type ChildProcess } from "node:child_process";
import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { defer } from "../cleanup.ts";
import { killAtEnd } from "./children.ts";
import { COMMAND, environment, HANG_MS } from "./cli.ts";
import { eventually } from "./eventually.ts";
import { scratch } from "../files/files.ts";
import { system } from "./tools.ts";

/** One end of a pipe. */
export interface End {
  fd: number;
  /** Closes it, once: a second call does nothing. */
  close(): void;
}

function end(t: TestContext, fd: number): End {
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  defer(t, close);
  return { fd, close };
}

/** A pipe with two blocking ends; those still open are closed when the test ends. */
export function makePipe(t: TestContext): { reader: End; writer: End } {
  const path = join(scratch(t), "pipe");
  system("mkfifo", path);
  // Only a non-blocking open of a FIFO returns while no process holds its other end.
  const opener = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  const reader = openSync(path, constants.O_RDONLY);
  closeSync(opener);
  unlinkSync(path);
  return { reader: end(t, reader), writer: end(t, writer) };
}

/** A stage that is running. */
export interface Running {
  pid: number;
  child: ChildProcess;
  /** Its output on stderr so far. */
  readonly stderr: () => string;
  /** Resolves when it ends; rejects when it is still there after `HANG_MS`. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts a stage on the given descriptors (`'pipe'`: a socket, as sshd gives one); killed when the test ends. */
export function start(
  t: TestContext,
  args: readonly string[],
  stdio: { stdin?: number; stdout?: number | "pipe" },
): Running {
  const errPath = join(scratch(t), "stderr");
  const err = openSync(errPath, "w");
  const [file = "", ...rest] = [...COMMAND, ...args];
  const child = spawn(file, rest, {
    stdio: [stdio.stdin ?? "ignore", stdio.stdout ?? "ignore", err],
    detached: true,
    env: environment(),
  });
  closeSync(err);
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${file}`);
  killAtEnd(t, child);
  const stderr = (): string => readFileSync(errPath, "utf8");
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${args.join(" ")} did not end within ${HANG_MS} ms\n${stderr()}`)),
        HANG_MS,
      );
      child.once("exit", (code, signal) => {
        clearTimeout(timer);
        resolve({ code, signal });
      });
    },
  );
  return { pid, child, stderr, ended };
}

/** Waits until `condition` holds of a running stage; throws when it has ended or takes too long. */
async function until(running: Running, what: string, condition: () => boolean): Promise<void> {
  const { child, stderr } = running;
  await eventually(
    () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`ended before it ${what}: ${stderr()}`);
      return condition();
    },
    { what, detail: stderr },
  );
}

/** Waits until the stage has `path` open, for any use. */
export async function hasOpened(running: Running, path: string): Promise<void> {
  const folder = `/proc/${running.pid}/fd`;
  await until(running, `opened ${path}`, () =>
    readdirSync(folder).some((fd) => target(join(folder, fd)) === path),
  );
}

/** Waits until the stage has something locked, see flock(2). */
export async function hasLocked(running: Running): Promise<void> {
  const lock = new RegExp(`^\\d+: FLOCK .* ${running.pid} `, "m");
  await until(running, "locked anything", () => lock.test(readFileSync("/proc/locks", "utf8")));
}

function target(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined; // closed between the two calls
  }
}

/** Waits until the threads of the stage's engine are there: by then the stage handles signals itself. */
export async function catchesSignals(running: Running): Promise<void> {
  const tasks = `/proc/${running.pid}/task`;
  await until(running, "started its engine", () =>
    readdirSync(tasks).some((task) => nameOf(join(tasks, task)).startsWith("blockcopy-io")),
  );
}

function nameOf(task: string): string {
  try {
    return readFileSync(join(task, "comm"), "utf8");
  } catch {
    return ""; // ended between the two calls
  }
}
