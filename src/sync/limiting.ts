import type { TimeSpent } from "../ui/event-lines.ts";
import type { Limit } from "../ui/limit.ts";

/** Over how long it is looked at, and the least that tells anything, in milliseconds. */
const WINDOW = 4000;
const LEAST = 2000;

/** From this share of the time on, something waits; below this one, it does not. Between them it is not clear. */
const WAITS = 0.6;
const BUSY = 0.3;

/** From this share of the time of its threads on, a program is held up by the CPU, and not by its disk. */
const CPU_BOUND = 0.8;

/** What can be said of the slowest part of a copy: what it is and at which end, without the name of a host. */
export type Slowest = Omit<Limit, "host">;

/**
 * What holds a copy up, of what the two stages have spent their time with lately; undefined where that is not clear.
 *
 * @param linked whether a connection is between the two; if not, they share one CPU
 */
export function limiting(
  source: TimeSpent,
  destination: TimeSpent,
  linked: boolean,
): Slowest | undefined {
  const together = (source.cpu + destination.cpu) / destination.elapsed;
  const slow = (side: "source" | "destination", spent: TimeSpent): Slowest => {
    const cpu = linked ? spent.cpu / spent.elapsed : together;
    return { what: cpu > CPU_BOUND * spent.threads ? "cpu" : "disk", side };
  };
  const [digestsAwaited, blocksAwaited] = [shareOf(source, "input"), shareOf(destination, "input")];
  const [blocksPushed, digestsPushed] = [shareOf(source, "output"), shareOf(destination, "output")];
  if (blocksPushed >= WAITS) {
    // The blocks are not taken as fast as they are made. A destination that has none to write waits for the link.
    if (blocksAwaited < BUSY) return slow("destination", destination);
    return linked && blocksAwaited >= WAITS ? { what: "link", side: null } : undefined;
  }
  if (digestsAwaited >= WAITS) {
    // A destination that cannot get rid of its digests is not what the source waits for.
    if (digestsPushed >= WAITS) return linked ? { what: "link", side: null } : undefined;
    return digestsPushed < BUSY ? slow("destination", destination) : undefined;
  }
  return digestsAwaited + blocksPushed < BUSY ? slow("source", source) : undefined;
}

/** What holds up a copy that one program does by itself. */
export function limitingAlone({ cpu, elapsed, threads }: TimeSpent): Slowest {
  return { what: cpu > CPU_BOUND * threads * elapsed ? "cpu" : "disk", side: null };
}

function shareOf(spent: TimeSpent, what: "input" | "output"): number {
  return spent[what] / spent.elapsed;
}

/** What a program has spent over the last seconds. */
export class SpentLately {
  #samples: TimeSpent[] = [];

  /** Takes what it has spent since it began. */
  add(spent: TimeSpent): void {
    this.#samples.push(spent);
    // One that is older than the window stays: what comes after it is the whole of the window.
    while (this.#samples[1] !== undefined && this.#samples[1].elapsed <= spent.elapsed - WINDOW) {
      this.#samples.shift();
    }
  }

  /** What it has spent lately; undefined while that is too little to tell anything. */
  get lately(): TimeSpent | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.elapsed - first.elapsed < LEAST) {
      return undefined;
    }
    return {
      elapsed: last.elapsed - first.elapsed,
      // What threads had waited that have ended meanwhile is forgotten.
      cpu: Math.max(0, last.cpu - first.cpu),
      threads: last.threads,
      input: last.input - first.input,
      output: last.output - first.output,
    };
  }
}
