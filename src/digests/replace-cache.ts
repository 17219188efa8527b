import { dirname } from "node:path";

import type { StageContext } from "../blocks/context.ts";
import { Root } from "../blocks/root.ts";
import { scanSource, type TakeDigests } from "../blocks/scan.ts";
import type { WrittenBlock } from "../blocks/written-blocks.ts";
import { CopyError, UsageError } from "../errors/copy-error.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { StreamError } from "../errors/stream-errors.ts";
import type * as Binding from "../native/binding.js";
import { BLOCK_CODECS } from "../protocol/codec.ts";
import { wasWritten } from "../protocol/destination-state.ts";
import type { Hashing } from "../protocol/digest.ts";
import { HashEncoder } from "../protocol/hash-stream/encoder.ts";
import { MAX_POSITION } from "../protocol/limits.ts";
import { isLink, isSameFile, isThere } from "../transport/files/file-names.ts";
import { NewFile } from "../transport/files/new-file.ts";
import type { Removed } from "../transport/files/stream-file.ts";
import { CacheError, DigestCache } from "./digest-cache.ts";
import { mergeDigests } from "./merge-digests.ts";

/** The digest cache cannot be written. */
class CacheWriteError extends CopyError {
  override readonly name = "CacheWriteError";

  constructor(message: string, { advice, copied }: Situation) {
    super(message, advice, copied ? ExitCode.notKept : ExitCode.io);
  }
}

/** The point in the copy at which a failure occurs. */
interface Situation {
  advice: string;
  /** True if the copy itself is complete. */
  copied: boolean;
}

const BEFORE_COPY: Situation = {
  advice:
    "nothing was written; give a file name in a folder where files can be created and replaced",
  copied: false,
};

/** Other streams of the same copy may have written. */
const BEFORE_WRITES: Situation = {
  advice:
    "find out why (dmesg, the rights of its folder), and run the same command again: it continues",
  copied: false,
};

const AFTER_COPY: Situation = {
  advice:
    "the copy is complete and on the disk, only its digest cache is missing: free space for it; the next run reads the destination",
  copied: true,
};

/**
 * Refuses a digest cache that cannot be written at the end: only a digest cache may be replaced, and the destination needs an identity.
 *
 * @throws CacheError, CacheWriteError, UsageError, OpenError, StreamError, the engine's failures
 */
export async function refuseUnwritable(
  { engine }: StageContext,
  sink: Binding.Sink,
  { path, destination }: { path: string; destination: string },
): Promise<void> {
  if (await isLink(path)) {
    // Replacing the link would leave the outdated cache that it points to.
    throw new UsageError(`${path} is a symbolic link`, "give the name of the file itself");
  }
  if (await isSameFile(path, destination)) {
    throw new UsageError(`${path} is the destination`, "give another name for its digests");
  }
  await engine.identity(await engine.openReader(sink, "off"));
  await (await DigestCache.open(path))?.close();
  await refuseMissingFolder(path);
  await explaining(BEFORE_COPY, () => NewFile.probe(path));
}

/** @throws UsageError if the folder that the cache shall be made in does not exist */
async function refuseMissingFolder(path: string): Promise<void> {
  const folder = dirname(path);
  if (!(await isThere(folder))) {
    throw new UsageError(
      `the folder ${folder}, for the digest cache, does not exist`,
      `make it (\`mkdir -m 700 ${folder}\`), or give another name`,
    );
  }
}

/** The state of an old cache at the first write to its destination. */
export type OldCache = "right" | "wrong" | "removed by another stream";

/**
 * Removes the name of a digest cache before this process writes to its destination: it must not be trusted if the copy fails. Of several
 * streams, none may write before the cache is gone. Only the process that removes it can tell if something else has written to the destination
 * since the cache was checked: until then, no stream has written.
 *
 * @throws CacheWriteError, the engine's failures
 */
export async function removeOld(
  { engine, debug }: Pick<StageContext, "engine" | "debug">,
  sink: Binding.Sink,
  cache: DigestCache,
): Promise<OldCache> {
  const { path, hello } = cache;
  const reader = await engine.openReader(sink, "off");
  const isSame =
    (await engine.identity(reader)) === hello.identity &&
    reader.size === hello.size &&
    !wasWritten(hello.state ?? null, await engine.deviceState(reader));
  const removed = await removeCache(cache);
  if (removed === "nothing") {
    return "removed by another stream";
  }
  if (isSame && removed === "this") {
    return "right";
  }
  debug(`${path} does not belong to the destination as it is now`);
  return "wrong";
}

/** @throws CacheWriteError */
function removeCache(cache: DigestCache): Promise<Removed> {
  return explaining(BEFORE_WRITES, () => cache.invalidate());
}

/**
 * Removes a cache that has been made since the copy began without one.
 *
 * @throws CacheError, CacheWriteError, OpenError
 */
export async function removeLateCache(path: string): Promise<void> {
  const cache = await DigestCache.open(path);
  if (cache !== undefined) {
    await removeCache(cache);
    await cache.close();
  }
}

/** The digests of a destination as a copy knows them, and what shows that they are right. */
interface Evidence {
  /** Those from before the copy. */
  cache: DigestCache;
  /** Those of the blocks that were written, in ascending order. */
  written: AsyncIterable<WrittenBlock[]>;
  /** Returns the check of the result, for a destination of `size` bytes. */
  proof: (size: number) => Proof;
}

/** Checks the digests of a destination by what the source has said about its own. */
export interface Proof {
  /** Adds the digests of the blocks that cover `length` bytes from `position`, in order. */
  add(position: number, length: number, digests: Uint8Array): void;
  /** True if all digests that were added are right. */
  holds(): boolean;
}

/** The digest cache to write. */
interface Target {
  path: string;
  hashing: Hashing;
  /** The destination. */
  file: string;
}

/** The digests for a cache, and the check of a destination that is read for it. */
export interface Findings {
  /** Undefined if the digests are not known without reading the destination. */
  evidence?: Evidence | undefined;
  /**
   * Returns the check that the destination, of `size` bytes, is equal to the source; undefined if nothing promises that, or if nothing can tell.
   */
  promised?: ((size: number) => Proof | undefined) | undefined;
}

/** The destination is not equal to the source, although all that differed was written. */
class ChangedError extends CopyError {
  override readonly name = "ChangedError";

  constructor(file: string) {
    super(
      `${file} differs from the source, in blocks that had been equal: something else has written to it since its digests were sent`,
      "find out what did that, and run the same command again: it copies these blocks",
      ExitCode.differs,
    );
  }
}

/**
 * Writes the digest cache of a destination that has been synced: from the evidence if it holds; otherwise by reading the destination, which
 * also shows if that is what it must be.
 *
 * @throws ChangedError if it is not: the cache is right nevertheless; CacheWriteError, TemporaryError, the engine's failures
 */
export async function replaceCache(
  context: StageContext,
  sink: Binding.Sink,
  target: Target,
  findings: Findings,
): Promise<void> {
  await explaining(AFTER_COPY, () => replace(context, sink, target, findings));
}

async function replace(
  context: StageContext,
  sink: Binding.Sink,
  target: Target,
  { evidence, promised }: Findings,
): Promise<void> {
  const { engine, debug, progress } = context;
  const { path, hashing } = target;
  const reader = await engine.openReader(sink, "off");
  const about = {
    size: reader.size,
    identity: await engine.settledIdentity(reader),
    state: (await engine.deviceState(reader)) ?? undefined,
  };
  if (evidence !== undefined) {
    const merge = mergeOf(context, evidence, about.size);
    if (await write(context, target, about, merge, evidence.proof(about.size))) {
      debug(`${path} updated`);
      return;
    }
  }
  debug(`reading the destination for ${path}`);
  const aside = progress.aside("reading for its digests", about.size);
  const quiet = { ...context, progress: aside };
  const proof = promised?.(about.size);
  await write(context, target, about, async (take) => {
    const both: TakeDigests = async (position, length, digests) => {
      proof?.add(position, length, digests);
      await take(position, length, digests);
    };
    await scanSource(quiet, reader, [{ start: 0, end: about.size }], hashing, both);
    return true;
  });
  aside.finish({ succeeded: true });
  if (proof?.holds() === false) {
    throw new ChangedError(target.file);
  }
}

/** Passes on the digests of all blocks of the destination. Returns false if it cannot. */
type Produce = (take: TakeDigests) => Promise<boolean>;

/** Returns what merges the digests of a destination of `size` bytes. */
function mergeOf(context: StageContext, { cache, written }: Evidence, size: number): Produce {
  return async (take) => {
    try {
      return await mergeDigests(context, { cache, written, size }, take);
    } catch (error) {
      if (!(error instanceof CacheError)) {
        throw error;
      }
      context.debug(error.message);
      return false;
    }
  };
}

/** The fields of the hello that name the destination. */
interface Identified {
  size: number;
  identity: string;
  state: string | undefined;
}

/**
 * Writes the digests that `produce` passes on.
 *
 * @param proof the file is discarded unless this holds; undefined to accept any content
 * @returns true if the file has been written
 */
async function write(
  { native }: StageContext,
  { path, hashing }: Target,
  about: Identified,
  produce: Produce,
  proof?: Proof,
): Promise<boolean> {
  const greeting = { accepts: BLOCK_CODECS, end: MAX_POSITION, ...about };
  const encoder = new HashEncoder(hashing, greeting);
  const root = new Root(native, hashing);
  const file = await NewFile.create(path);
  try {
    await file.append(encoder.begin({ reserveRoot: true }));
    const isComplete = await produce(async (position, length, digests) => {
      root.add(digests);
      proof?.add(position, length, digests);
      await file.append([encoder.blocks(position, length, digests)]);
    });
    if (!isComplete || proof?.holds() === false) {
      await file.discard();
      return false;
    }
    const found = root.finish(about.size);
    await file.append([encoder.rest(about.size), ...encoder.end(found)]);
    await file.rewrite(encoder.beginWith(found));
    await file.commit();
    return true;
  } catch (error) {
    // Report the first failure, not that of removing the file.
    await file.discard().catch(() => undefined);
    throw error;
  }
}

/** Does `work`, and adds advice for `situation` to the failure of a file operation. */
async function explaining<T>(situation: Situation, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof StreamError ? new CacheWriteError(error.message, situation) : error;
  }
}
