import { UsageError } from "../errors/copy-error.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { BlockDecoder } from "../protocol/block-stream/decoder.ts";
import { ProtocolError } from "../protocol/error.ts";
import { isLink, isSameFile } from "../transport/files/file-names.ts";
import { StreamFile } from "../transport/files/stream-file.ts";
import { NewFile } from "../transport/files/new-file.ts";
import { StreamError } from "../errors/stream-errors.ts";
import { formatBytes } from "../ui/format.ts";
import { DeltaStream } from "./delta-stream.ts";
import type { Endpoint } from "./connection/endpoint.ts";
import { SyncError, UnprovedError } from "./failure.ts";
import { whereIs } from "./connection/remote-command.ts";
import type { Shown } from "./listener.ts";
import { type CopyResult, doneIn } from "./copy-result.ts";
import { syncRemote } from "./remote.ts";
import type { CopyPlan } from "./streams.ts";

/** The exit code for what is no stream, of sysexits.h. */

/**
 * Writes what makes the destination equal to the source to a file here, which `save` takes later: all of it, or there is no such
 * file. Source and destination are only read.
 *
 * @param path the name of the file
 * @throws as `syncRemote`; OpenError, StreamError
 */
export async function syncDelta(
  shown: Shown,
  options: CopyPlan,
  path: string,
): Promise<CopyResult> {
  await refuseReplacing(path, [options.source, options.destination]);
  const stream = new DeltaStream();
  const writing = <T>(work: () => Promise<T>): Promise<T> => named(path, stream, work);
  const file = await writing(() => NewFile.create(path));
  try {
    const copied = await syncing(shown, stream, {
      ...options,
      take: async (chunk) => {
        checking(options.source, () => stream.add(chunk));
        // A copy: the next chunk goes over this one, and not all is written at once.
        await writing(() => file.append([Uint8Array.from(chunk)]));
      },
    });
    checking(options.source, () => stream.end(copied.summary?.changed));
    await writing(() => file.commit());
    const { blocks = 0, changed = 0, seconds = 0 } = copied.summary ?? {};
    const what =
      blocks === 0
        ? `nothing differs, and ${path} says so`
        : `${blocks} blocks (${formatBytes(changed)}) differ, in ${formatBytes(stream.bytes)} of ${path}`;
    return { ...copied, lines: [`${doneIn(seconds, "Delta written")}: ${what}`] };
  } catch (error) {
    // What went wrong first is what counts.
    await file.discard().catch(() => undefined);
    // What the advice on a copy says of what was written is not so here.
    throw error instanceof SyncError && error.exitCode === ExitCode.later
      ? new SyncError(
          error.message,
          "run it again: there is no delta, and nothing was written",
          ExitCode.later,
        )
      : error;
  }
}

/** As `syncRemote`. Of a source that is not heard to the end, what is wrong with its stream says more. */
async function syncing(shown: Shown, stream: DeltaStream, plan: CopyPlan): Promise<CopyResult> {
  try {
    return await syncRemote(shown, plan);
  } catch (error) {
    if (error instanceof UnprovedError) {
      checking(plan.source, () => stream.end());
    }
    throw error;
  }
}

/** What is no delta comes from something else at its source: a shell, or what connects to it. */
function checking(source: Endpoint, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw error instanceof ProtocolError
      ? new SyncError(
          `what came from ${whereIs(source)} is no whole delta: ${error.message}`,
          "nothing is kept; make sure that nothing else there writes to standard output (as a shell's profile may), and run it again",
          ExitCode.protocol,
        )
      : error;
  }
}

/** Whoever asked for the file knows it by its own name, not by the one that it has until it is complete. */
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
      "a delta is there when all of it is, which no pipe can tell",
      "give the name of a file",
    );
  }
  if (await isLink(path)) {
    throw new UsageError(`${path} is a symbolic link`, "give the name of the file itself");
  }
  for (const end of ends) {
    if (end.kind === "local" && (await isSameFile(path, end.path))) {
      throw new UsageError(`${path} is one of the two that are compared`, "give another name");
    }
  }
  const there = await StreamFile.open(path);
  try {
    if (there !== undefined && !(there.isRegular && (await isDelta(there)))) {
      throw new UsageError(
        `${path} is there, and is no delta that could be replaced`,
        "give another name, or remove it",
      );
    }
  } finally {
    await there?.close();
  }
}

/** Whether a file begins as a delta does, or is empty. */
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
