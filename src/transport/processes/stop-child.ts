import type { Child } from "./child.ts";

/** Milliseconds that a program may take to end by itself, and then to react to SIGTERM. */
export interface Grace {
  toEnd: number;
  afterSigterm: number;
}

/** Waits for a program to end by itself, then sends SIGTERM, then SIGKILL. */
export async function stopChild(child: Child, { toEnd, afterSigterm }: Grace): Promise<void> {
  if (await endsWithin(child, toEnd)) {
    return;
  }
  child.kill("SIGTERM");
  if (await endsWithin(child, afterSigterm)) {
    return;
  }
  child.kill("SIGKILL");
}

function endsWithin(child: Child, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timeout = setTimeout(() => resolve(false), milliseconds);
    void child.ended.then(() => {
      clearTimeout(timeout);
      resolve(true);
    });
  });
}
