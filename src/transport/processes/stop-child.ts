import { settlesWithin } from "../waiting/settles-within.ts";
import type { Child } from "./child.ts";

/** Milliseconds that a program may take to end by itself, and then to react to SIGTERM. */
export interface Grace {
  toEnd: number;
  afterSigterm: number;
}

/** Waits for a program to end by itself, then sends SIGTERM, then SIGKILL. */
export async function stopChild(child: Child, { toEnd, afterSigterm }: Grace): Promise<void> {
  if (await settlesWithin(child.ended, toEnd)) {
    return;
  }
  child.kill("SIGTERM");
  if (await settlesWithin(child.ended, afterSigterm)) {
    return;
  }
  child.kill("SIGKILL");
}
