import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";

import { systemReason } from "../errors/stream-errors.ts";
import { clock } from "../native/clock.ts";
import { removeSync } from "../native/files.ts";
import { isAbandoned, ownTag } from "../snapshots/lvm/owner.ts";
import { LVM_SECONDS } from "../snapshots/lvm/volumes.ts";
import { readText, replaceText } from "../transport/files/small-file.ts";
import { removeUnless } from "../transport/files/unfinished.ts";
import { runTool } from "../transport/processes/system-tool.ts";
import { STATE_FOLDER } from "./record-file.ts";

/** Milliseconds to wait for another run of this program that holds the metadata snapshot of the pool, and between two looks. */
const WAIT = { most: 600_000, interval: 500 };

/** First line of the file that says whose metadata snapshot a pool holds. */
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

/** The owner of a metadata snapshot, as {@link ownTag} names it, and the block that it begins at. */
interface Claim {
  owner: string;
  root: string;
}

/**
 * Does `work` while the pool holds a snapshot of its metadata, which is released whatever happens; if this process is killed, the next run
 * releases it.
 *
 * A pool holds one at most. One that was made by anything else is left alone. The claim in the folder of records says which one is ours, by
 * the block that it begins at.
 *
 * @throws MetadataError, and whatever `work` throws
 */
export async function withMetadataSnapshot<T>(pool: Pool, work: () => Promise<T>): Promise<T> {
  const owner = ownTag();
  if (owner === undefined) {
    throw new MetadataError("/proc is missing");
  }
  const claim = { owner, root: await reserve(pool) };
  // Nothing is awaited before the claim is written: only whoever holds the snapshot writes one.
  writeClaim(pool, claim);
  const released = removeUnless(() => releaseOwn(pool, claim));
  try {
    const result = await work();
    await turn();
    // Whoever released it let the pool reuse the blocks that `work` has read.
    if (!isHeldBy(pool, claim)) {
      throw new MetadataError("something else has released the snapshot of the pool's metadata");
    }
    return result;
  } finally {
    released();
    releaseOwn(pool, claim);
  }
}

/** Makes the metadata snapshot, once no other run holds one; returns the block that it begins at. */
async function reserve(pool: Pool): Promise<string> {
  const begun = clock();
  for (;;) {
    const held = heldRoot(pool);
    // The stage gives signs of life between the tools; from the reservation on, no other run may see it without a claim for long.
    await turn();
    const failure = held === undefined ? tell(pool, "reserve_metadata_snap") : undefined;
    const isOurs = held === undefined && failure === undefined;
    const root = isOurs ? newRoot(pool) : heldRoot(pool);
    if (isOurs && root !== undefined) {
      return root;
    }
    if (root === undefined) {
      throw new MetadataError(
        failure ?? `the pool ${pool.device} holds no snapshot of its metadata`,
      );
    }
    // Another run may have made it a moment ago, and is about to claim it.
    await sleep(WAIT.interval);
    releaseAbandoned(pool);
    if (clock() - begun > WAIT.most) {
      throw new MetadataError("another copy reads the metadata of the same pool");
    }
  }
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

/**
 * Releases the metadata snapshot of a killed run.
 *
 * @throws MetadataError for one that is not ours
 */
function releaseAbandoned(pool: Pool): void {
  const claim = readClaim(pool);
  const root = heldRoot(pool);
  if (root === undefined) {
    return;
  }
  if (claim?.root !== root) {
    throw new MetadataError(
      `the pool ${pool.device} holds a snapshot of its metadata that another program has made; if none uses it, run: dmsetup message ${pool.device} 0 release_metadata_snap`,
    );
  }
  // Another run may have released it since it was looked at.
  if (isAbandoned([claim.owner]) && isHeldBy(pool, claim)) {
    release(pool);
  }
}

/** Releases the metadata snapshot of this process, if the pool still holds it. Without a claim, it is ours by the block that it begins at. */
function releaseOwn(pool: Pool, claim: Claim): void {
  const isClaimed = readClaim(pool) !== undefined;
  if (isClaimed ? isHeldBy(pool, claim) : heldRoot(pool) === claim.root) {
    release(pool);
  }
}

/**
 * Releases the metadata snapshot that the pool holds, and before that removes its claim.
 *
 * Only whoever holds the snapshot writes a claim, so the file is that of this snapshot until it is released. Afterwards it may be that of the
 * next run, which must not lose it. A kill between the two leaves a snapshot without a claim, as one before the claim does: it is left alone,
 * and a warning has the command. A claim without a snapshot would be worse: it would match one of another program at the same block.
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

/** True if the pool still holds the metadata snapshot of this claim. */
function isHeldBy(pool: Pool, { owner, root }: Claim): boolean {
  const now = readClaim(pool);
  return now?.owner === owner && now.root === root && heldRoot(pool) === root;
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

function writeClaim(pool: Pool, { owner, root }: Claim): void {
  const failure = replaceText(claimFile(pool), `${BEGINNING}\n${owner}\n${root}\n`, BEGINNING);
  if (failure !== undefined) {
    // Without a claim, no run would ever release it.
    tell(pool, "release_metadata_snap");
    throw new MetadataError(failure);
  }
}

function readClaim(pool: Pool): Claim | undefined {
  const [beginning, owner, root] = readText(claimFile(pool)).split("\n");
  return beginning === BEGINNING && owner !== undefined && root !== undefined
    ? { owner, root }
    : undefined;
}
