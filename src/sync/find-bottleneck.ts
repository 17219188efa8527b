import type { Bottleneck } from "../ui/bottleneck.ts";
import type { TimeSpent } from "../ui/programs/event-values.ts";

/** Length of the time that is looked at, and the least that tells anything, in milliseconds. */
const WINDOW = 4000;
const LEAST = 2000;

/** Share of the time from which on a program counts as waiting, and below which as busy. In between it is unclear. */
const WAITS = 0.6;
const BUSY = 0.3;

/** Share of the CPU time of its threads from which on a program is limited by the CPU, and not by its disk. */
const CPU_BOUND = 0.8;

/** A bottleneck without the name of its host. */
export type LocatedBottleneck = Omit<Bottleneck, "host">;

/**
 * Finds the bottleneck of a copy from the time that its two stages have spent recently.
 *
 * @param linked true if the stages are on different hosts; if not, they share one CPU
 * @returns undefined if it is unclear
 */
export function findBottleneck(
  source: TimeSpent,
  destination: TimeSpent,
  { linked }: { linked: boolean },
): LocatedBottleneck | undefined {
  const together = (source.cpu + destination.cpu) / destination.elapsed;
  const slow = (side: "source" | "destination", spent: TimeSpent): LocatedBottleneck => {
    const cpu = linked ? spent.cpu / spent.elapsed : together;
    return { what: cpu > CPU_BOUND * spent.threads ? "cpu" : "disk", side };
  };
  const link: LocatedBottleneck | undefined = linked ? { what: "link", side: null } : undefined;
  const [digestsAwaited, blocksAwaited] = [shareOf(source, "input"), shareOf(destination, "input")];
  const [blocksStuck, digestsStuck] = [shareOf(source, "output"), shareOf(destination, "output")];
  if (blocksStuck >= WAITS) {
    // The source makes blocks faster than they are taken. If the destination waits for them, the link is slow.
    if (blocksAwaited < BUSY) return slow("destination", destination);
    return blocksAwaited >= WAITS ? link : undefined;
  }
  if (digestsAwaited >= WAITS) {
    // If the destination cannot send its digests, the link is slow, not the destination.
    if (digestsStuck >= WAITS) return link;
    return digestsStuck < BUSY ? slow("destination", destination) : undefined;
  }
  return digestsAwaited + blocksStuck < BUSY ? slow("source", source) : undefined;
}

/** Finds the bottleneck of a copy within one program. */
export function localBottleneck({ cpu, elapsed, threads }: TimeSpent): LocatedBottleneck {
  return { what: cpu > CPU_BOUND * threads * elapsed ? "cpu" : "disk", side: null };
}

function shareOf(spent: TimeSpent, what: "input" | "output"): number {
  return spent[what] / spent.elapsed;
}

/** The time that a program has spent over the last seconds. */
export class RecentTimeSpent {
  #samples: TimeSpent[] = [];

  /** Adds a sample: the time spent since the program began. */
  add(spent: TimeSpent): void {
    this.#samples.push(spent);
    // Keeps one sample from before the window, to subtract from the last one.
    while (this.#samples[1] !== undefined && this.#samples[1].elapsed <= spent.elapsed - WINDOW) {
      this.#samples.shift();
    }
  }

  /** The time spent within the window; undefined if that is too short to tell anything. */
  get recent(): TimeSpent | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.elapsed - first.elapsed < LEAST) {
      return undefined;
    }
    return {
      elapsed: last.elapsed - first.elapsed,
      // The waiting time of threads that have ended is missing in the last sample.
      cpu: Math.max(0, last.cpu - first.cpu),
      threads: last.threads,
      input: last.input - first.input,
      output: last.output - first.output,
    };
  }
}
