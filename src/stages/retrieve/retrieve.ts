import type { StageContext } from "../../blocks/context.ts";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import { discard, type KeepWarning } from "../../snapshots/snapshot.ts";
import { Input } from "../../transport/streams/input.ts";
import { Output } from "../../transport/streams/output.ts";
import { Comparison } from "./comparison.ts";
import { openSource } from "./open-source.ts";
import { OwnReads } from "./reads.ts";
import type { OpenSource, RetrieveOptions } from "./retrieve-options.ts";

/**
 * Reads a hash stream from standard input and writes the blocks of a file or device that differ to standard output. The
 * block stream is extended if the hash stream asks for that.
 *
 * @returns warnings about snapshots that could not be removed; after a failure, they are given to `context.alarm`
 * @throws ProtocolError, UsageError, SnapshotError, the engine's failures, and those of the streams
 */
export async function retrieve(context: StageContext, options: RetrieveOptions): Promise<string[]> {
  const left: string[] = [];
  try {
    await copy(context, options, (warning) => left.push(warning));
  } catch (error) {
    for (const warning of left) {
      context.alarm(warning);
    }
    throw error;
  }
  return left;
}

async function copy(
  context: StageContext,
  options: RetrieveOptions,
  keep: KeepWarning,
): Promise<void> {
  const output = new Output(context.native, "block stream", { rate: options.rate });
  await output.whileRead(async () => {
    const opened = await openSource(context, options, keep);
    try {
      const input = new Input(context.native, "hash stream");
      const reads = new OwnReads(context, opened.source);
      const comparison = new Comparison(context, options, opened, { input, output, reads });
      await comparison.run();
      (await opened.incremental?.end(comparison.changed))?.forEach(keep);
    } catch (error) {
      const reason = (await lossOf(opened, error)) ?? error;
      await discard(context, opened.snapshot);
      throw reason;
    }
    const removed = await opened.snapshot?.remove();
    if (removed !== undefined) {
      keep(removed);
    }
  });
}

/** Returns the error of a snapshot that was lost, if that explains a failure to read it. */
export async function lossOf({ snapshot }: OpenSource, error: unknown): Promise<Error | undefined> {
  return isEngineFailure(error) && error.kind === "io"
    ? snapshot?.fault({ hasFailed: true })
    : undefined;
}
