import { readdirSync, readlinkSync, readTextSync } from "../../native/files.ts";

/** A process. The start time tells it from a later process with the same number. */
export interface ProcessId {
  pid: number;
  /** Start time in clock ticks since boot, as in `/proc`. */
  started: string;
}

/** A process as `/proc` shows it. */
interface ProcessEntry extends ProcessId {
  /** Its state, as `R` or `Z`. */
  state: string;
  parent: number;
  session: number;
}

/**
 * Finds the descendants of processes that are in the session of this process. A descendant with a session of its own is a daemon, such as a
 * ControlPersist master, which other programs may be using. Empty without `/proc`.
 */
export function descendantsOf(ancestors: readonly number[]): ProcessId[] {
  const own = readEntry(process.pid);
  if (own === undefined) {
    return [];
  }
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of allProcesses()) {
    if (entry.session === own.session) {
      children.set(entry.parent, [...(children.get(entry.parent) ?? []), entry]);
    }
  }
  const found = new Map<number, ProcessEntry>();
  for (const next = [...ancestors]; next.length > 0;) {
    for (const child of children.get(next.pop() ?? 0) ?? []) {
      if (!found.has(child.pid)) {
        found.set(child.pid, child);
        next.push(child.pid);
      }
    }
  }
  return Array.from(found.values(), ({ pid, started }) => ({ pid, started }));
}

/** Finds a process by its number; undefined if it does not exist. */
export function findProcess(pid: number): ProcessId | undefined {
  return readEntry(pid);
}

/** True if a process runs. One that has ended and is only kept for its exit code does not. */
export function isRunning(pid: number): boolean {
  return !["", "Z", "X"].includes(readEntry(pid)?.state ?? "");
}

/** Returns this process, for another one on this host to find; undefined if `/proc` does not show it by its number. */
export function ownProcess(): ProcessId | undefined {
  let shown: string;
  try {
    shown = readlinkSync("/proc/self");
  } catch {
    return undefined;
  }
  // The `/proc` of another namespace has other numbers.
  return shown === String(process.pid) ? findProcess(process.pid) : undefined;
}

/** Sends a signal to a process, unless it has ended or another process has its number now. */
export function signalProcess({ pid, started }: ProcessId, signal: NodeJS.Signals): void {
  if (readEntry(pid)?.started !== started) {
    return;
  }
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended, or belongs to another user, as a child of sudo does.
  }
}

function allProcesses(): ProcessEntry[] {
  try {
    return readdirSync("/proc").flatMap((name) =>
      /^\d+$/.test(name) ? (readEntry(Number(name)) ?? []) : [],
    );
  } catch {
    return [];
  }
}

/** Reads an entry as in proc_pid_stat(5). The program name can contain anything; the last parenthesis ends it. */
function readEntry(pid: number): ProcessEntry | undefined {
  let text: string;
  try {
    text = readTextSync(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = "", parent, , session] = fields;
  const started = fields[19];
  return started === undefined
    ? undefined
    : { pid, started, state, parent: Number(parent), session: Number(session) };
}
