import { fileURLToPath } from "node:url";
import { run, type Command } from "../../common/processes.ts";

/** Commands joined by pipes. */
export type Pipeline = readonly Command[];

/** Resources that one process used, and the children that it waited for. */
interface ProcessUsage {
  /** In user mode and in the kernel. */
  readonly cpuSeconds: number;
  /** The most that was resident at once. */
  readonly peakBytes: number;
}

/** Resources that pipelines used. */
export interface Usage {
  /** On the clock on the wall, from the start of the first process to the end of the last. */
  readonly seconds: number;
  /** In the order of the pipelines and of the commands in them. */
  readonly processes: readonly ProcessUsage[];
  /** Output of the last process of each pipeline, if it is kept. */
  readonly stdout: string;
}

/** Bytes: a peak that is less may be that of the program that measures. */
export const LEAST_PEAK = 16e6;

const SCRIPT = fileURLToPath(new URL("./rusage.py", import.meta.url));

/**
 * Runs the pipelines, one after the other, and measures them. What they print is only kept when asked for.
 * @throws Error that names the command which failed
 */
export function measure(
  pipelines: readonly Pipeline[],
  output: "keep" | "discard" = "discard",
): Usage {
  const { stdout, fd3 } = run(["python3", "-I", "-S", SCRIPT, output, JSON.stringify(pipelines)]);
  return { ...(JSON.parse(fd3) as Omit<Usage, "stdout">), stdout };
}
