import { refuseEmpty } from "../../blocks/capacity.ts";
import { checkRange } from "../../blocks/check-range.ts";
import type { StageContext } from "../../blocks/context.ts";
import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import type * as Binding from "../../native/binding.js";
import type { SourceDescription } from "../../protocol/source-fields.ts";
import { discard, type KeepWarning, type Snapshot } from "../../snapshots/snapshot.ts";
import type { IncrementalCopy } from "../../incremental/incremental-copy.ts";
import { warnOfImage } from "../image/choose-format.ts";
import type { OpenSource, RetrieveOptions } from "./retrieve-options.ts";
import { reportWriter } from "./source-in-use.ts";

/** The source has become shorter since the copy began. */
class SizeError extends CopyError {
  override readonly name = "SizeError";

  constructor(file: string, { before, now }: { before: number; now: number }) {
    super(
      `${file} has ${now} bytes now, and had ${before} when the copy began`,
      "copy a snapshot of it, or what does not change meanwhile, and run it again",
      ExitCode.io,
    );
  }
}

/**
 * Opens the file or device to copy, or a snapshot of it.
 *
 * @param keep called with warnings about snapshots that earlier runs have left
 * @throws UsageError, SnapshotError, the engine's failures
 */
export async function openSource(
  context: StageContext,
  options: RetrieveOptions,
  keep: KeepWarning,
): Promise<OpenSource> {
  const { engine, direct, debug } = context;
  const { file } = options;
  const origin = await engine.openSource(file, direct);
  refuseEmpty(file, origin);
  checkRange(origin, { file, ...options.needs });
  const incremental = await incrementalOf(context, options, { origin, keep });
  const snapshot = incremental?.snapshot ?? (await snapshotOf(context, options, { origin, keep }));
  const source = snapshot?.source ?? origin;
  limit(source, options);
  if (options.readHoles) {
    source.readHoles();
  }
  try {
    debug(`${file}: ${source.size} bytes, ${source.description}`);
    const description = await begin(context, options, { origin, source });
    return { source, origin, snapshot, incremental, description };
  } catch (error) {
    await discard(context, snapshot);
    throw error;
  }
}

/**
 * Leaves out what a source has grown by since the copy began: all streams of a copy copy the same bytes, as one that opened it then.
 *
 * @throws SizeError if it has become shorter
 */
function limit(source: Binding.Source, { file, size }: RetrieveOptions): void {
  if (size === undefined) {
    return;
  }
  if (source.size < size) {
    throw new SizeError(file, { before: size, now: source.size });
  }
  source.limit(size);
}

/** Makes the snapshot of an incremental copy, if this is one, and finds what has changed. */
async function incrementalOf(
  context: StageContext,
  { file, snapshot: options, incremental }: RetrieveOptions,
  { origin, keep }: { origin: Binding.Source; keep: KeepWarning },
): Promise<IncrementalCopy | undefined> {
  if (incremental === undefined) {
    return undefined;
  }
  const loaded = await import("../../incremental/incremental-copy.ts");
  return loaded.IncrementalCopy.begin(context, { file, origin, options }, { ...incremental, keep });
}

/** Makes the snapshot, if one is asked for. A dry run only finds out if it could be made. */
async function snapshotOf(
  context: StageContext,
  { file, snapshot: options, dryRun }: RetrieveOptions,
  { origin, keep }: { origin: Binding.Source; keep: KeepWarning },
): Promise<Snapshot | undefined> {
  if (options.snapshot === "none") {
    return undefined;
  }
  const { planSnapshot, takeSnapshot } = await import("../../snapshots/take-snapshot.ts");
  if (dryRun) {
    await planSnapshot({ file, origin, options });
    return undefined;
  }
  return takeSnapshot(context, { file, origin, options }, keep);
}

/** Reports the beginning, and describes the source. Its identity and metadata are those of the file that was named. */
async function begin(
  context: StageContext,
  { file, needs, whole, inUse, snapshot, suggestsSnapshot, image }: RetrieveOptions,
  { origin, source }: Pick<OpenSource, "origin" | "source">,
): Promise<SourceDescription> {
  const { engine, progress } = context;
  // It may have become shorter before the snapshot was made.
  refuseEmpty(file, source);
  checkRange(source, { file, ...needs });
  // Reading changes the time of the last access, so the metadata comes first.
  const description = origin.isExport
    ? ({ size: source.size, kind: "device" } as const)
    : describe(source, await engine.metadata(origin));
  const { size } = source;
  progress.begin(whole ? size : undefined, origin.instance(), { size });
  await warnOfImage(context, file, source, image);
  // Writes to the file do not reach its snapshot.
  if (inUse !== undefined && snapshot.snapshot === "none") {
    await reportWriter(context, { file, source, suggestsSnapshot }, inUse);
  }
  return description;
}

function describe(
  { size, isDevice }: Binding.Source,
  { mode, accessed, modified, uid, owner, gid, group }: Binding.Metadata,
): SourceDescription {
  return {
    size,
    kind: isDevice ? "device" : "file",
    mode,
    accessed,
    modified,
    owner: { id: uid, name: owner },
    group: { id: gid, name: group },
  };
}
