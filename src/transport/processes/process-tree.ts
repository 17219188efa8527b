import { readdirSync, readTextSync } from "../../native/files.ts";

/** A process: its number may be given to another one later, with another time of its start. */
export interface ProcessId {
  pid: number;
  /** Time of its start, in clock ticks since the host was started, as in `/proc`. */
  started: string;
}

/** A process as `/proc` shows it. */
interface Seen extends ProcessId {
  parent: number;
  session: number;
}

/**
 * The processes that have come from others and are in the same session as this process: what has made itself a session of its own is a
 * daemon, as the master of ControlPersist, and others may use it too. Empty where there is no `/proc`.
 */
export function descendantsOf(ancestors: readonly number[]): ProcessId[] {
  const here = look(process.pid);
  if (here === undefined) {
    return [];
  }
  const children = new Map<number, Seen[]>();
  for (const seen of all()) {
    if (seen.session === here.session) {
      children.set(seen.parent, [...(children.get(seen.parent) ?? []), seen]);
    }
  }
  const found = new Map<number, Seen>();
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

/** Sends a signal to a process, unless it has ended, or its number is now that of another one. */
export function signalProcess({ pid, started }: ProcessId, signal: NodeJS.Signals): void {
  if (look(pid)?.started !== started) {
    return;
  }
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended, or is of another user, as what runs by sudo.
  }
}

function all(): Seen[] {
  try {
    return readdirSync("/proc").flatMap((name) =>
      /^\d+$/.test(name) ? (look(Number(name)) ?? []) : [],
    );
  } catch {
    return [];
  }
}

/** See proc_pid_stat(5). The name of the program, which may have anything in it, ends at the last parenthesis. */
function look(pid: number): Seen | undefined {
  let text: string;
  try {
    text = readTextSync(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [, parent, , session] = fields;
  const started = fields[19];
  return started === undefined
    ? undefined
    : { pid, started, parent: Number(parent), session: Number(session) };
}
