import { dirname } from "node:path";

import { UsageError } from "../errors/copy-error.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import type { Take } from "../transport/streams/pump.ts";
import { BlockDecoder } from "../protocol/block-stream/decoder.ts";
import { ProtocolError } from "../protocol/error.ts";
import { isLink, isSameFile } from "../transport/files/file-names.ts";
import { StreamFile } from "../transport/files/stream-file.ts";
import { NewFile } from "../transport/files/new-file.ts";
import { StreamError } from "../errors/stream-errors.ts";
import { formatBlocks, formatBytes } from "../ui/format.ts";
import { DeltaStream } from "./delta-stream.ts";
import { type Endpoint, hostLabel } from "./connection/endpoint.ts";
import { Gather } from "./gather/gather.ts";
import { SharedSpool } from "../transport/streams/shared-spool.ts";
import type { LocalContext } from "./local.ts";
import { type CopyResult, doneIn } from "./copy-result.ts";
import { syncRemote } from "./remote.ts";
import type { CopyPlan } from "./stream-programs.ts";
import { SyncError, UnprovedError } from "./failures/sync-error.ts";

/**
 * Writes the delta between the destination and the source to a file on this host, for a later `save`. Source and destination are only
 * read. If anything fails, there is no file.
 *
 * @param path the name of the file
 * @throws SyncError, UsageError, OpenError, StreamError
 */
export async function syncDelta(
  shown: LocalContext,
  options: CopyPlan,
  path: string,
): Promise<CopyResult> {
  await refuseReplacing(path, [options.source, options.destination]);
  const stream = new DeltaStream();
  const writing = <T>(work: () => Promise<T>): Promise<T> => named(path, stream, work);
  const file = await writing(() => NewFile.create(path));
  const write: Take = async (chunk) => {
    checking(options.source, () => stream.add(chunk));
    // Copied: the file buffers it, and the next chunk overwrites this one.
    await writing(() => file.append([Uint8Array.from(chunk)]));
  };
  try {
    const copied =
      (options.copy.streams ?? 1) === 1
        ? await syncing(shown, { ...options, take: write }, () => stream.end())
        : await syncGathered(shown, options, { path, write });
    checking(options.source, () => stream.end(copied.summary?.changed));
    await writing(() => file.commit());
    const { blocks = 0, changed = 0, seconds = 0 } = copied.summary ?? {};
    const verb = blocks === 1 ? "differs" : "differ";
    const what =
      blocks === 0
        ? `nothing differs, and ${path} has no blocks`
        : `${formatBlocks(blocks)} (${formatBytes(changed)}) ${verb}, in ${formatBytes(stream.bytes)} of ${path}`;
    return { ...copied, lines: [`${doneIn(seconds, "Delta written")}: ${what}`] };
  } catch (error) {
    // The first error is the one to report.
    await file.discard().catch(() => undefined);
    // The usual advice speaks of blocks that were written.
    throw error instanceof SyncError && error.exitCode === ExitCode.later
      ? new SyncError(error.message, "run it again: no delta was written", ExitCode.later)
      : error;
  }
}

/**
 * Does `syncRemote`. If the source did not report its success, a fault in its stream explains more.
 *
 * @param end throws a fault in the stream
 */
async function syncing(shown: LocalContext, plan: CopyPlan, end: () => void): Promise<CopyResult> {
  try {
    return await syncRemote(shown, plan);
  } catch (error) {
    if (error instanceof UnprovedError) {
      checking(plan.source, end);
    }
    throw error;
  }
}

/** Does `syncRemote` with several streams, and writes what they send as one. */
async function syncGathered(
  shown: LocalContext,
  plan: CopyPlan,
  { path, write }: { path: string; write: Take },
): Promise<CopyResult> {
  const { streams = 1 } = plan.copy;
  const spool = await SharedSpool.create(dirname(path), `writing the delta ${path}`);
  const explain = (role: "source" | "destination", error: unknown): unknown =>
    faultIn(role === "source" ? "delta" : "list of digests", plan[role], error);
  // With each attempt to start the stages, the streams begin anew.
  let gather: Gather | undefined;
  const gathering = (): Gather => (gather = new Gather(shown, { streams, spool, write, explain }));
  const copied = await syncing(shown, { ...plan, gather: gathering }, () => gather?.end());
  await gather?.finish();
  return copied;
}

/** Turns a fault in the stream into an error. */
function checking(source: Endpoint, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw faultIn("delta", source, error);
  }
}

/** Turns a fault in a stream into an error: something else at that end, such as a shell, has written to it. */
function faultIn(what: string, end: Endpoint, error: unknown): unknown {
  return error instanceof ProtocolError
    ? new SyncError(
        `the stream from ${hostLabel(end)} is not a complete ${what}: ${error.message}`,
        "no delta was written; make sure that nothing else there writes to standard output (as a shell's profile may), and run it again",
        ExitCode.protocol,
      )
    : error;
}

/** Names the delta in an error, instead of the temporary name that it has until it is complete. */
async function named<T>(path: string, { bytes }: DeltaStream, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof StreamError
      ? new StreamError(`writing the delta ${path}`, error.code, bytes)
      : error;
  }
}

/**
 * Refuses to replace anything but a delta or an empty file.
 *
 * @throws UsageError, OpenError, StreamError
 */
async function refuseReplacing(path: string, ends: readonly Endpoint[]): Promise<void> {
  if (path === "-" || path === "/dev/stdout") {
    throw new UsageError(
      "a delta cannot be written to a pipe, where an incomplete one could not be removed",
      "give the name of a file",
    );
  }
  if (await isLink(path)) {
    throw new UsageError(`${path} is a symbolic link`, "give the name of the file itself");
  }
  for (const end of ends) {
    if (end.kind === "local" && (await isSameFile(path, end.path))) {
      throw new UsageError(`${path} is the source or the destination`, "give another name");
    }
  }
  const existing = await StreamFile.open(path);
  try {
    if (existing !== undefined && !(existing.isRegular && (await isDelta(existing)))) {
      throw new UsageError(`${path} exists and is not a delta`, "give another name, or remove it");
    }
  } finally {
    await existing?.close();
  }
}

/** True if a file begins like a delta, or is empty. */
async function isDelta(file: StreamFile): Promise<boolean> {
  const decoder = new BlockDecoder();
  for await (const chunk of file.chunks()) {
    try {
      decoder.decode(chunk, 0, chunk.length, 0);
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
    }
    return decoder.head !== undefined;
  }
  return true;
}
