import { closeSync } from "node:fs";

import type * as Binding from "../native/binding.js";
import { type Child, type Ended, startChild } from "./child.ts";
import { pump } from "./pump.ts";

/** Bytes that a pipe between two processes holds. */
const PIPE_LENGTH = 1024 * 1024;

/** How long, in milliseconds, a process may take to end by itself once another has failed; and then, once it was told to. */
const GRACE = { consequence: 3000, terminated: 2000 };

/** One of two programs. */
export interface Half {
  command: readonly [string, ...string[]];
  /** Told of each line that it prints on standard error. */
  line: (text: string) => void;
}

/**
 * Runs two programs, each of which reads what the other writes, until both have ended. When one fails, the other is given a
 * moment to say why its stream has ended, and is then told to end.
 *
 * With `leashed`, what the second writes goes through this process: so they end with it, also when neither would notice.
 *
 * @returns how they ended, in the same order, and which of them failed first
 */
export async function runJoined(
  native: Pick<typeof Binding, "makePipe">,
  halves: readonly [Half, Half],
  leashed: boolean,
): Promise<{ ended: [Ended, Ended]; first: 0 | 1 | undefined }> {
  const there = native.makePipe(PIPE_LENGTH);
  const back = native.makePipe(PIPE_LENGTH);
  const behind = leashed ? native.makePipe(PIPE_LENGTH) : back;
  const children: [Child, Child] = [
    startChild({ ...halves[0], stdin: behind.read, stdout: there.write }),
    startChild({ ...halves[1], stdin: there.read, stdout: back.write }),
  ];
  // The ends that this process has of them would keep each of the two from noticing that the other is gone.
  for (const fd of [there.read, there.write, behind.read, back.write]) {
    closeSync(fd);
  }
  if (leashed) {
    void pump(back.read, behind.write);
  }
  let first: 0 | 1 | undefined;
  const supervise = async (index: 0 | 1): Promise<Ended> => {
    const ended = await children[index].ended;
    if (!("code" in ended) || ended.code !== 0) {
      first ??= index;
      await stop(children[index === 0 ? 1 : 0]);
    }
    return ended;
  };
  const ended = await Promise.all([supervise(0), supervise(1)]);
  return { ended, first };
}

/** Waits for a process to end, which should, and sees to it. */
async function stop(child: Child): Promise<void> {
  for (const [signal, patience] of [
    ["SIGTERM", GRACE.consequence],
    ["SIGKILL", GRACE.terminated],
  ] as const) {
    if (await endsWithin(child, patience)) {
      return;
    }
    child.kill(signal);
  }
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
