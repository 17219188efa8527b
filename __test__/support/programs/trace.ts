// The system calls that a stage makes, by strace.
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** A trace of a run that is to be made. */
export interface Trace {
  /** The command that starts the program under strace. */
  prefix: readonly string[];
  /** The traced calls, each on a line of its own; calls of different threads are in no order. */
  calls(): string[];
}

/** Traces the calls that `expression` names (as strace's -e takes it) into `folder`, with the path of each descriptor. */
export function trace(folder: string, ...expressions: readonly string[]): Trace {
  const traces = join(folder, `trace-${process.hrtime.bigint()}`);
  mkdirSync(traces);
  const options = expressions.flatMap((expression) => ["-e", expression]);
  // A file for each thread: no line is interrupted by another.
  const prefix = ["strace", "-ff", "-qq", "-y", "-o", join(traces, "thread"), ...options];
  const calls = (): string[] =>
    readdirSync(traces).flatMap((name) => readFileSync(join(traces, name), "utf8").split("\n"));
  return { prefix, calls };
}

/** The number of reads or writes of a file. */
export interface Transfers {
  direct: number;
  buffered: number;
}

/** Counts the reads or writes of `path` in the calls of a {@link trace} that includes openat. */
export function transfers(
  calls: readonly string[],
  path: string,
  kind: "read" | "write",
): Transfers {
  const direct = new Set(
    calls.flatMap((call) => {
      const found = /^openat\(.*\bO_DIRECT\b.*\) = (\d+)</.exec(call);
      return found?.[1] === undefined ? [] : [found[1]];
    }),
  );
  const result = { direct: 0, buffered: 0 };
  for (const call of calls) {
    const found = /^p?(read|write)(?:64|v2?)?\((\d+)<([^>]*)>.*\) = [1-9]/.exec(call);
    if (found?.[1] !== kind || found[3] !== path) continue;
    result[direct.has(found[2] ?? "") ? "direct" : "buffered"] += 1;
  }
  return result;
}

/** The calls to trace for {@link transfers}. */
export const TRANSFERS =
  "trace=openat,read,pread64,readv,preadv,preadv2,write,pwrite64,writev,pwritev,pwritev2";
