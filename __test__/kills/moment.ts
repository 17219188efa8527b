// The moments of a campaign: each is a process of a pipeline, a signal, and a time.
import { chance, pick, shuffled } from "./chance.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Role } from "./roles.ts";

const SIGNALS = ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGPIPE"] as const;

/**
 * What is done to a process: it gets a signal, or it is stopped, and then continued after a while, killed after a while, or given up
 * because of its silence.
 */
type Deed = (typeof SIGNALS)[number] | "continued" | "stopped and killed" | "given up";

/** The time of a deed: a part of the life of the process, or a delay in milliseconds after an event. */
type When =
  { part: number } | { after: "its start" | "the first byte" | "the last byte"; delay: number };

/** One moment. */
export interface Moment {
  /** The name of the pipeline and the number of the moment, by which it can be repeated. */
  name: string;
  role: Role;
  deed: Deed;
  when: When;
}

/** Seconds of `--timeout` in runs whose stage is given up. */
export const TIMEOUT = 5;

/** Returns moment number `place` of a pipeline: all its processes take turns. */
export function momentOf(seed: number, pipeline: Pipeline, place: number): Moment {
  const { name, roles } = pipeline;
  const round = Math.floor(place / roles.length);
  const role = shuffled(roles, seed, name, "roles", round)[place % roles.length];
  if (role === undefined) throw new Error(`${name} has no processes`);
  const label = [seed, name, place] as const;
  return {
    name: `${name}:${place}`,
    role,
    deed: deedOf(label, pipeline, role),
    when: whenOf(label, pipeline, role),
  };
}

type Label = readonly [number, string, number];

function deedOf(label: Label, { isWatched }: Pipeline, { name, isGroup }: Role): Deed {
  const dice = chance(...label, "deed");
  if (isGroup === true) return pick(SIGNALS, ...label, "signal");
  if (dice < 0.36) return "SIGKILL";
  if (dice < 0.76) return pick(SIGNALS.slice(1), ...label, "signal");
  if (dice < 0.84) return "continued";
  if (dice < 0.92 || !isWatched || name === "sync") return "stopped and killed";
  return "given up";
}

function whenOf(label: Label, { result }: Pipeline, { isBrief }: Role): When {
  const dice = chance(...label, "when");
  const delay = (most: number): number => Math.floor(chance(...label, "delay") * most);
  if (isBrief === true) return { after: "its start", delay: 0 };
  if (dice < 0.15) return { after: "its start", delay: delay(120) };
  if (dice < 0.3 && result !== "nothing") return { after: "the first byte", delay: delay(60) };
  if (dice < 0.5 && result === undefined) return { after: "the last byte", delay: delay(60) };
  return { part: chance(...label, "part") };
}

/** A moment in words. */
export function describe({ name, role, deed, when }: Moment): string {
  const time =
    "part" in when
      ? `after ${Math.round(when.part * 100)} % of its life`
      : `${when.delay} ms after ${when.after}`;
  return `${name}: ${role.name}, ${deed}, ${time}`;
}
