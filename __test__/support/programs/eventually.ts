// Waiting for a state instead of for a time: a sleep that is long enough on an idle machine is too short on a busy one.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Options of {@link eventually}. */
interface Waiting {
  /** The state that is waited for, as the end of "never ...". */
  what: string;
  /** Fails after this time. */
  seconds?: number;
  /** Time between two looks. */
  everyMs?: number;
  /** Output to show with a failure. */
  detail?: () => string;
}

/** Waits until `condition` holds; fails if it does not within a minute or `seconds`. A condition may throw to end the wait. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  { what, seconds = 60, everyMs = 20, detail = () => "" }: Waiting,
): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; !(await condition()); await sleep(everyMs))
    assert.ok(Date.now() < deadline, `never ${what} within ${seconds} s\n${detail()}`);
}
