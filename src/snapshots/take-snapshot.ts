import type { StageContext } from "../blocks/context.ts";
import { UsageError } from "../errors/copy-error.ts";
import type * as Binding from "../native/binding.js";
import { numberOf, volumeKind, volumeNames } from "./device-mapper.ts";
import { betweenCommands } from "./hooks.ts";
import { originOf, planVolume, type VolumePlan } from "./lvm/plan.ts";
import { removeAbandoned } from "./lvm/remove-abandoned.ts";
import { snapshotVolume } from "./lvm/volume-snapshot.ts";
import { listVolumes } from "./lvm/volumes.ts";
import { cloneFile } from "./reflink.ts";
import { discard, type KeepWarning, type Snapshot } from "./snapshot.ts";
import type { SnapshotOptions } from "./snapshot-options.ts";

/** The source of a copy, and the options for its snapshot. */
export interface SnapshotRequest {
  /** Its name, for messages. */
  file: string;
  /** The source itself, open. */
  origin: Binding.Source;
  options: SnapshotOptions;
}

/** Plan for a snapshot: of a file, or of a volume. */
type Plan = { kind: "reflink" } | VolumePlan;

/** The device of a volume. */
export interface Volume {
  group: string;
  volume: string;
  /** Its `major:minor`. */
  number: string;
}

/**
 * Makes a snapshot of a source. Whatever does not fit is refused: a copy of the source itself would mix the content of different moments.
 *
 * @param keep called, even if this fails later, with warnings about snapshots of killed runs that cannot be removed
 * @throws UsageError, SnapshotError, the engine's failures
 */
export async function takeSnapshot(
  context: StageContext,
  source: SnapshotRequest,
  keep: KeepWarning,
): Promise<Snapshot> {
  const volume = volumeOf(source);
  // A snapshot of a killed run may take the room that the plan needs.
  if (volume !== undefined) {
    for (const warning of await removeLeft(source, volume)) {
      keep(warning);
    }
  }
  const plan = await planOf(source, volume);
  const { file, origin } = source;
  context.debug(`${file}: a snapshot of the kind ${plan.kind}`);
  return betweenCommands(
    context,
    { ...source, kind: plan.kind },
    {
      work: () =>
        plan.kind === "reflink" ? cloneFile(context, file, origin) : snapshotVolume(context, plan),
      undo: (made) => discard(context, made),
    },
  );
}

/**
 * Chooses the snapshot of a source, and refuses one that cannot be made, as far as that shows without making it.
 *
 * @throws UsageError, SnapshotError
 */
export async function planSnapshot(source: SnapshotRequest): Promise<Plan> {
  return planOf(source, volumeOf(source));
}

async function planOf(
  { file, options }: SnapshotRequest,
  volume: Volume | undefined,
): Promise<Plan> {
  return volume === undefined
    ? { kind: "reflink" }
    : planVolume(await listVolumes(volume.group), { file, number: volume.number }, options);
}

/** Removes the snapshots of a volume that killed runs have left; returns warnings about those that cannot be removed. */
async function removeLeft(
  { file, options }: SnapshotRequest,
  { group, number }: Volume,
): Promise<string[]> {
  const rows = await listVolumes(group);
  return removeAbandoned(rows, originOf(rows, { file, number }, options));
}

/**
 * Returns the volume to make a snapshot of; undefined for a file.
 *
 * @throws UsageError if `--snapshot` does not fit the source
 */
export function volumeOf({ file, origin, options }: SnapshotRequest): Volume | undefined {
  if (process.platform !== "linux") {
    throw new UsageError(
      `--snapshot ${options.snapshot} works on Linux only, not on ${process.platform}`,
      "leave it out, and stop what writes to the source",
    );
  }
  if (origin.isDevice) {
    return volumeOfDevice({ file, origin, options });
  }
  refuseForFile(file, options);
  return undefined;
}

function volumeOfDevice({ file, origin, options }: SnapshotRequest): Volume {
  const { snapshot } = options;
  if (snapshot === "reflink") {
    throw new UsageError(
      `--snapshot reflink cannot be used: ${file} is a device, and it clones files`,
      "use --snapshot auto",
    );
  }
  if (origin.isExport) {
    throw new UsageError(
      `--snapshot ${snapshot} cannot be used: ${file} is an export of an NBD server`,
      "make a snapshot where it is served, and have that served",
    );
  }
  const number = numberOf(origin);
  const names =
    number === undefined || volumeKind(number) === undefined ? undefined : volumeNames(number);
  if (number === undefined || names === undefined) {
    throw new UsageError(
      `--snapshot ${snapshot} cannot be used: ${file} is no LVM volume`,
      "make a snapshot with the tools of its storage and copy that, or stop what writes to it and leave out --snapshot",
    );
  }
  return { ...names, number };
}

function refuseForFile(file: string, { snapshot, snapshotSize }: SnapshotOptions): void {
  if (snapshot === "lvm" || snapshot === "thin" || snapshotSize !== undefined) {
    const option = snapshotSize === undefined ? `--snapshot ${snapshot}` : "--snapshot-size";
    throw new UsageError(
      `${option} cannot be used: ${file} is a file, and it is for LVM volumes`,
      "use --snapshot reflink, or name the volume",
    );
  }
}
