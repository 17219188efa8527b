// Copies to several destinations while they run.
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { scratch } from "../files/files.ts";
import { eventually } from "./eventually.ts";
import { manyEvents, type ManyEvent } from "./many.ts";
import { type Running, start } from "./pipe.ts";

/** A run of `sync --json` with several destinations. */
export interface Started {
  running: Running;
  /** The events that it has written so far. */
  events: () => ManyEvent[];
}

/** Starts a run. */
export function startMany(t: TestContext, args: readonly string[]): Started {
  const path = join(scratch(t), "events");
  const stdout = openSync(path, "w");
  const running = start(t, ["sync", "--json", ...args], { stdout });
  const events = (): ManyEvent[] => {
    const text = readFileSync(path, "utf8");
    return manyEvents(Buffer.from(text.slice(0, text.lastIndexOf("\n") + 1)));
  };
  return { running, events };
}

/** Waits until this many destinations are complete. */
export async function complete({ running, events }: Started, count: number): Promise<void> {
  const ended = (): number =>
    events().filter(({ event, id }) => event === "end" && id !== undefined).length;
  await eventually(() => ended() >= count, {
    what: `${count} were complete`,
    everyMs: 100,
    detail: running.stderr,
  });
}

/** Waits until these destinations have been sent something. */
export async function sending({ running, events }: Started, ids: readonly number[]): Promise<void> {
  const isSending = (id: number): boolean =>
    events().some((event) => event.id === id && event.event === "progress" && event.done > 0);
  await eventually(() => ids.every(isSending), {
    what: "sending",
    everyMs: 100,
    detail: running.stderr,
  });
}
