// One moment: starts a pipeline, does to one of its processes what the moment says, and waits until all others have ended.
import { setTimeout as sleep } from "node:timers/promises";
import { pick } from "./chance.ts";
import { type Moment, TIMEOUT } from "./moment.ts";
import type { Pipeline, Place } from "./pipeline.ts";
import { hasBegun, hasLast, prepare, type Watched } from "./place.ts";
import { type Found, running } from "./processes.ts";
import { SYNC } from "./roles.ts";
import { type End, mayStay, type Run, start } from "./run.ts";

/** Milliseconds between two looks at the processes. */
const LOOK = 4;

/** Seconds in which all other processes must have ended: two on an idle machine, and more on a busy one. */
const BOUND = 30;

/** Seconds after which a run counts as hung. */
const HUNG = 120;

/** The first and the last time at which the processes of each role were seen in an undisturbed run. */
export type Lives = ReadonlyMap<string, readonly [number, number]>;

/** The outcome of one moment. */
export interface Outcome {
  end: End;
  codes: number[];
  stderr: string[];
  /** The process that it was done to; undefined if the pipeline had ended before. */
  victim: Found | undefined;
  /** Milliseconds from the death of the process to the end of all others; undefined if it has not died. */
  restMs: number | undefined;
  /** Processes that had not ended in time. */
  left: Found[];
}

/** Runs a pipeline undisturbed, and says when its processes lived. */
export async function measure(pipeline: Pipeline, place: Place): Promise<Lives> {
  await prepare(place, pipeline);
  const run = start(pipeline, place);
  const lives = new Map<string, [number, number]>();
  while (run.end() === undefined) {
    const now = run.elapsed();
    for (const found of running()) {
      for (const { name, host, pattern } of pipeline.roles) {
        if (found.host !== host || !pattern.test(found.command)) continue;
        const life = lives.get(name);
        lives.set(name, [life?.[0] ?? now, now]);
      }
    }
    await sleep(LOOK);
    refuseHung(run);
  }
  const codes = pipeline.byHand ? run.codes() : [run.end()?.code];
  if (codes.some((code) => code !== 0))
    throw new Error(
      `${pipeline.name} fails undisturbed: ${codes.join(" ")}\n${run.stderr().join("")}`,
    );
  await allGone(run, mayStay(pipeline));
  return lives;
}

/** Does what a moment says. */
export async function attempt(
  { pipeline, place, lives = new Map() }: { pipeline: Pipeline; place: Place; lives?: Lives },
  moment: Moment,
): Promise<Outcome> {
  const watched = await prepare(place, pipeline);
  const options = moment.deed === "given up" ? ["--timeout", String(TIMEOUT)] : [];
  const run = start(pipeline, place, options);
  try {
    const isDue = dueTime(moment, lives, () => ({ place, pipeline, watched }));
    const found = await awaitVictim(run, moment, isDue);
    const victim = found !== undefined && (await doDeed(run, found, moment)) ? found : undefined;
    const { left, restMs } = await rest(run, victim, mayStay(pipeline));
    const end = run.end();
    if (end === undefined) throw new Error(`has not ended; still running: ${shown(left)}`);
    const codes = pipeline.byHand ? run.codes() : [];
    return { end, codes, stderr: run.stderr(), victim, restMs, left };
  } finally {
    run.kill();
  }
}

type Due = (seenAt: number, now: number) => boolean;

/** Returns the function that says when the deed is due, from the time at which the process was first seen. */
function dueTime(
  { role, when }: Moment,
  lives: Lives,
  about: () => { place: Place; pipeline: Pipeline; watched: Watched },
): Due {
  if ("part" in when) {
    const [first, last] = lives.get(role.name) ?? [0, 500];
    return (seenAt, now) => now - seenAt >= when.part * (last - first);
  }
  let at: number | undefined;
  return (seenAt, now) => {
    const { place, pipeline, watched } = about();
    if (when.after === "its start") at = seenAt;
    else if (at === undefined) {
      const has =
        when.after === "the first byte"
          ? hasBegun(place, pipeline, watched)
          : hasLast(place, pipeline);
      if (has) at = now;
    }
    return at !== undefined && now - at >= when.delay;
  };
}

/** Waits until the deed is due. Returns the process that it is done to; undefined if the pipeline ends before. */
async function awaitVictim(
  run: Run,
  { name, role }: Moment,
  isDue: Due,
): Promise<Found | undefined> {
  let seenAt: number | undefined;
  while (run.end() === undefined) {
    const found = running().filter(
      // Before it becomes another program, what sync starts looks like sync itself.
      ({ pid, host, command }) =>
        host === role.host &&
        role.pattern.test(command) &&
        (pid === run.pid || role.pattern !== SYNC.pattern),
    );
    const now = run.elapsed();
    if (found.length > 0) seenAt ??= now;
    if (found.length > 0 && seenAt !== undefined && isDue(seenAt, now))
      return pick(found, name, "victim");
    if (role.isBrief !== true || seenAt !== undefined) await sleep(LOOK);
    else await new Promise(setImmediate);
    refuseHung(run);
  }
  return undefined;
}

/** Does the deed. Returns false if the process had ended before. */
async function doDeed(run: Run, found: Found, { name, role, deed }: Moment): Promise<boolean> {
  const pid = role.isGroup === true ? -run.pid : found.pid;
  if (deed.startsWith("SIG")) return send(pid, deed as NodeJS.Signals);
  if (!send(pid, "SIGSTOP")) return false;
  if (deed === "given up") {
    await endedWithin(run, TIMEOUT + BOUND);
    // Processes on its own host may wait for it.
    send(pid, pick(["SIGKILL", "SIGCONT"] as const, name, "afterwards"));
    return true;
  }
  await sleep(pick([300, 700, 1500], name, "stopped"));
  send(pid, deed === "continued" ? "SIGCONT" : "SIGKILL");
  return true;
}

/** Sends a signal. Returns false if the process has ended. */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    return false;
  }
}

async function endedWithin(run: Run, seconds: number): Promise<void> {
  for (const until = run.elapsed() + seconds * 1000; run.end() === undefined; await sleep(LOOK))
    if (run.elapsed() > until)
      throw new Error(`has not ended within ${seconds} s: ${shown(running())}`);
}

/** Waits until all others have ended: after the victim has, only for as long as they may take. */
async function rest(
  run: Run,
  victim: Found | undefined,
  stays: (process: Found) => boolean,
): Promise<Pick<Outcome, "left" | "restMs">> {
  const began = run.elapsed();
  let diedAt: number | undefined;
  for (;;) {
    const left = running().filter((found) => !stays(found));
    const now = run.elapsed();
    if (victim !== undefined && !left.some(({ pid }) => pid === victim.pid)) diedAt ??= now;
    const isOver = left.length === 0 && run.end() !== undefined;
    if (isOver || now - (diedAt ?? began) > (diedAt === undefined ? HUNG : BOUND) * 1000)
      return { left, restMs: diedAt === undefined ? undefined : now - diedAt };
    await sleep(LOOK);
  }
}

/** Waits until nothing runs but what may stay. */
export async function allGone(run: Run, stays: (process: Found) => boolean): Promise<void> {
  const { left } = await rest(run, undefined, stays);
  if (left.length > 0) throw new Error(`still running: ${shown(left)}`);
}

/** Processes in words. */
export function shown(processes: readonly Found[]): string {
  return processes
    .map(({ pid, host, command }) => `${pid} on ${host}: ${command.slice(0, 200)}`)
    .join("\n  ");
}

function refuseHung(run: Run): void {
  if (run.elapsed() > HUNG * 1000) throw new Error(`hangs: ${shown(running())}`);
}
