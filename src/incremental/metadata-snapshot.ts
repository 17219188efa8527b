import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";

import { systemReason } from "../errors/stream-errors.ts";
import type * as Binding from "../native/binding.js";
import { clock } from "../native/clock.ts";
import { removeSync } from "../native/files.ts";
import { LVM_SECONDS } from "../snapshots/lvm/volumes.ts";
import { readText, replaceText } from "../transport/files/small-file.ts";
import { removeUnless } from "../transport/files/unfinished.ts";
import { runTool } from "../transport/tools/system-tool.ts";
import { STATE_FOLDER } from "./record-file.ts";
import { type StateLock, tryLock } from "./state-lock.ts";

/**
 * Milliseconds to wait for other runs of this program that read the metadata of the pool, and between two looks. Dozens of volumes of one
 * pool may be copied at the same time, and comparing everything takes longer than their turns.
 */
const WAIT = { most: 3_600_000, interval: 500 };

/** First line of the file that says which metadata snapshot is that of a run. */
const BEGINNING = "# blockcopy: a metadata snapshot of a thin pool";

/** A thin pool: the name of its device, and the UUID of its volume. */
export interface Pool {
  device: string;
  uuid: string;
}

/** The metadata of a pool cannot be read. The message is a clause. */
class MetadataError extends Error {
  override readonly name = "MetadataError";
}

/**
 * Does `work` while the pool holds a snapshot of its metadata, which is released whatever happens; if this process is killed, the next run
 * releases it.
 *
 * A pool holds one at most, and one run at a time has the lock for it. The claim in the folder of records says that a snapshot is that of a
 * run, by the block that it begins at; one that was made by anything else is left alone.
 *
 * @throws MetadataError, and whatever `work` throws
 */
export async function withMetadataSnapshot<T>(
  engine: Binding.Engine,
  pool: Pool,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await lockPool(engine, pool);
  try {
    const root = await reserve(pool);
    // Nothing is awaited before the claim is written: a signal must not end this process in between.
    writeClaim(pool, root);
    const released = removeUnless(() => releaseOwn(pool, root));
    try {
      const result = await work();
      await turn();
      // Whoever released it let the pool reuse the blocks that `work` has read.
      if (readClaim(pool) !== root || heldRoot(pool) !== root) {
        throw new MetadataError("something else has released the snapshot of the pool's metadata");
      }
      return result;
    } finally {
      released();
      releaseOwn(pool, root);
    }
  } finally {
    lock.close();
  }
}

/** Waits for the lock of a pool. */
async function lockPool(engine: Binding.Engine, { uuid }: Pool): Promise<StateLock> {
  const begun = clock();
  for (;;) {
    const lock = await tryLock(engine, `${STATE_FOLDER}/${uuid}.metadata.lock`);
    if (lock !== undefined) {
      return lock;
    }
    if (clock() - begun > WAIT.most) {
      throw new MetadataError("another copy reads the metadata of the same pool");
    }
    await sleep(WAIT.interval);
  }
}

/** Makes the metadata snapshot; returns the block that it begins at. One of a killed run is released before. */
async function reserve(pool: Pool): Promise<string> {
  const held = heldRoot(pool);
  // The stage gives signs of life between the tools.
  await turn();
  if (held !== undefined) {
    if (readClaim(pool) !== held) {
      throw ofAnother(pool);
    }
    release(pool);
    await turn();
  }
  const failure = tell(pool, "reserve_metadata_snap");
  if (failure !== undefined) {
    throw heldRoot(pool) === undefined ? new MetadataError(failure) : ofAnother(pool);
  }
  const root = newRoot(pool);
  if (root === undefined) {
    throw new MetadataError(`the pool ${pool.device} holds no snapshot of its metadata`);
  }
  return root;
}

function ofAnother({ device }: Pool): MetadataError {
  return new MetadataError(
    `the pool ${device} holds a snapshot of its metadata that another program has made; if none uses it, run: dmsetup message ${device} 0 release_metadata_snap`,
  );
}

/** Returns the block at which the metadata snapshot begins that was just made; releases it if that cannot be found out. */
function newRoot(pool: Pool): string | undefined {
  try {
    return heldRoot(pool);
  } catch (error) {
    tell(pool, "release_metadata_snap");
    throw error;
  }
}

/** Releases the metadata snapshot of this process, if the pool still holds it. Without a claim, it is ours by the block that it begins at. */
function releaseOwn(pool: Pool, root: string): void {
  if ((readClaim(pool) ?? root) === root && heldRoot(pool) === root) {
    release(pool);
  }
}

/**
 * Releases the metadata snapshot that the pool holds, and before that removes its claim.
 *
 * A kill between the two leaves a snapshot without a claim, as one before the claim does: it is left alone, and a warning has the command.
 * A claim without a snapshot would be worse: it would match one of another program at the same block.
 */
function release(pool: Pool): void {
  try {
    removeSync(claimFile(pool));
  } catch (error) {
    // With its claim, a later run releases it.
    throw new MetadataError(`${claimFile(pool)} cannot be removed: ${systemReason(error)}`);
  }
  const failure = tell(pool, "release_metadata_snap");
  if (failure !== undefined) {
    throw new MetadataError(failure);
  }
}

/** Returns the block at which the metadata snapshot begins that a pool holds; undefined if it holds none. */
function heldRoot({ device }: Pool): string | undefined {
  const { output, failure } = runTool("dmsetup", ["status", device], LVM_SECONDS);
  if (failure !== undefined) {
    throw new MetadataError(failure);
  }
  const root = parseHeldRoot(output);
  if (root === undefined) {
    throw new MetadataError(`the state of the pool ${device} is not understood: ${output.trim()}`);
  }
  return root === "-" ? undefined : root;
}

/** Parses a line of `dmsetup status`, and returns the held root, or `-` without one; undefined for anything but a pool that works. */
export function parseHeldRoot(line: string): string | undefined {
  const found = /^\d+ \d+ thin-pool \d+ \d+\/\d+ \d+\/\d+ (-|\d+) /.exec(line);
  return found?.[1];
}

/** Sends a message to a pool; returns the reason if that fails. */
function tell({ device }: Pool, text: string): string | undefined {
  return runTool("dmsetup", ["message", device, "0", text], LVM_SECONDS).failure;
}

function claimFile({ uuid }: Pool): string {
  return `${STATE_FOLDER}/${uuid}.metadata`;
}

function writeClaim(pool: Pool, root: string): void {
  const failure = replaceText(claimFile(pool), `${BEGINNING}\n${root}\n`, BEGINNING);
  if (failure !== undefined) {
    // Without a claim, no run would ever release it.
    tell(pool, "release_metadata_snap");
    throw new MetadataError(failure);
  }
}

/** Returns the block at which the metadata snapshot of a run begins; undefined without one. */
function readClaim(pool: Pool): string | undefined {
  const [beginning, root] = readText(claimFile(pool)).split("\n");
  return beginning === BEGINNING ? root : undefined;
}
