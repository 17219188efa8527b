import { setTimeout as sleep } from "node:timers/promises";

import type { StageContext } from "../blocks/context.ts";
import { PartQueue } from "../blocks/part-queue.ts";
import { CopyError } from "../errors/copy-error.ts";
import { isEngineFailure } from "../errors/engine-failure.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { clock } from "../native/clock.ts";
import { ownProcess, type ProcessId, signalProcess } from "../transport/processes/process-tree.ts";

/**
 * Milliseconds that a process which is replaced may take to end by itself, as one does whose connection was closed, and then after SIGKILL:
 * its threads may be waiting for a disk.
 */
const PATIENCE = { toEnd: 2000, afterSigkill: 120_000 } as const;

/** Milliseconds between two looks. */
const LOOK = 50;

/** Another process works for the stream of this one. */
class StreamTakenError extends CopyError {
  override readonly name = "StreamTakenError";

  /** @param replaces the last process known to work for the stream. One that was started later may not have come to tell its number. */
  constructor(stream: number, replaces: ProcessId | undefined) {
    super(
      replaces === undefined
        ? `another process already copies the parts of stream ${stream}`
        : `process ${replaces.pid}, whose connection was lost, or one that was started in its place, has not ended, and may still write to the destination`,
      "find out what it waits for (`ps -o pid,stat,wchan,args`, dmesg), end it, and run the same command again: it continues",
      ExitCode.later,
    );
  }
}

/** The stream that a process works for, and the process that did so before it. */
interface Joining {
  /** The name of the queue, in a process of another stream. */
  name: string;
  stream: number;
  /** Undefined if it is the first one of its stream. */
  replaces: ProcessId | undefined;
}

/**
 * Opens the queue of parts for one of the later streams, or for a new process of the first one. Before this process may open the destination,
 * the one that it replaces must have ended: with its connection gone, that one can still have blocks to write.
 *
 * @throws SharedListError, StreamTakenError, the engine's failures
 */
export async function joinQueue(
  { native, debug }: StageContext,
  { name, stream, replaces }: Joining,
): Promise<PartQueue> {
  const queue = PartQueue.open(name, stream);
  // At once: the process that it is shared with may end while this one waits.
  shareClaim({ native, debug }, queue, { name, isNeeded: stream === 1 });
  let isKilled = false;
  for (const begun = clock(); !queue.hold(native); await sleep(LOOK)) {
    const waited = clock() - begun;
    if (replaces === undefined || waited > PATIENCE.toEnd + PATIENCE.afterSigkill) {
      throw new StreamTakenError(stream, replaces);
    }
    if (waited > PATIENCE.toEnd && !isKilled) {
      isKilled = true;
      debug(`process ${replaces.pid} of the lost connection is killed`);
      // The lock decides when it has ended. Where its number may mean another process, nothing is killed.
      if (ownProcess() !== undefined) {
        signalProcess(replaces, "SIGKILL");
      }
    }
  }
  if (replaces !== undefined) {
    queue.takeAgain();
  }
  return queue;
}

/**
 * Keeps the destination claimed for the copy from now on, whatever happens to the other streams.
 *
 * @param isNeeded false if a copy may go on without that: the first stream then cannot be taken over from this one
 * @throws SharedListError; the engine's failures if it is needed
 */
function shareClaim(
  { native, debug }: Pick<StageContext, "native" | "debug">,
  queue: PartQueue,
  { name, isNeeded }: { name: string; isNeeded: boolean },
): void {
  try {
    queue.shareClaim(native, name);
  } catch (error) {
    if (isNeeded || !isEngineFailure(error)) {
      throw error;
    }
    debug(`the claim of the first stream is not shared: ${error.message}`);
  }
}
