import { UsageError } from "../../errors/copy-error.ts";
import { formatBytes } from "../../ui/format.ts";
import { SnapshotError } from "../snapshot-error.ts";
import type { SnapshotKind } from "../snapshot-options.ts";
import { bytesIn, listIn, percentIn, type VolumeRow } from "./report.ts";
import { isDevice, pathOf, understood } from "./volumes.ts";

/** The snapshot that fits a volume. */
export interface VolumePlan {
  kind: "lvm" | "thin";
  /** The volume to make a snapshot of. */
  origin: VolumeRow;
  /** Bytes for the changes, of a classic snapshot; undefined for a thin one, which shares the room of its pool. */
  size: number | undefined;
}

/** Share of the origin that a classic snapshot gets, unless its size is given. */
const USUAL_SHARE = 10;

/**
 * Chooses the snapshot of the device with this `major:minor`, and refuses one that could not be made or would be lost.
 *
 * @param file the source, for messages
 * @param rows the volumes of its group
 * @throws UsageError, SnapshotError
 */
export function planVolume(
  rows: readonly VolumeRow[],
  { file, number }: { file: string; number: string },
  { snapshot, snapshotSize }: { snapshot: SnapshotKind; snapshotSize: number | undefined },
): VolumePlan {
  const origin = originOf(rows, { file, number }, { snapshot });
  const isThin = isThinVolume(origin);
  if (listIn(origin.lv_role).includes("thicksnapshot")) {
    throw new UsageError(
      `${file} is a snapshot, and LVM makes no snapshot of that`,
      "copy it with --snapshot none: it does not change",
    );
  }
  if (snapshot === "thin" && !isThin) {
    throw new UsageError(
      `--snapshot thin cannot be used: ${file} is no thin volume`,
      "use --snapshot lvm",
    );
  }
  if (snapshot === "thin" || (snapshot === "auto" && isThin)) {
    if (snapshotSize !== undefined) {
      throw new UsageError(
        `--snapshot-size is for a classic LVM snapshot, and ${file} is a thin volume`,
        "leave it out",
      );
    }
    refuseFullPool(rows, origin);
    return { kind: "thin", origin, size: undefined };
  }
  return { kind: "lvm", origin, size: classicSize(origin, snapshotSize) };
}

/**
 * Returns the volume that is the device with this `major:minor`.
 *
 * @throws UsageError if there is no such volume
 */
export function originOf<Row extends VolumeRow>(
  rows: readonly Row[],
  { file, number }: { file: string; number: string },
  { snapshot }: { snapshot: SnapshotKind },
): Row {
  const origin = rows.find((row) => isDevice(row, number));
  if (origin === undefined) {
    throw new UsageError(
      `--snapshot ${snapshot} cannot be used: LVM lists no volume that is ${file}`,
      "name the volume itself, as `lvs` lists it",
    );
  }
  return origin;
}

function isThinVolume(row: VolumeRow): boolean {
  const layout = listIn(row.lv_layout);
  return row.pool_lv !== "" && layout.includes("thin") && !layout.includes("pool");
}

/** Returns the size for a classic snapshot, in whole extents, and refuses one that the group has no room for. */
function classicSize(origin: VolumeRow, given: number | undefined): number {
  const [size, free, extent] = understood(() => [
    bytesIn(origin.lv_size),
    bytesIn(origin.vg_free),
    bytesIn(origin.vg_extent_size),
  ]) as [number, number, number];
  const wanted = given ?? size / USUAL_SHARE;
  const rounded = Math.max(1, Math.ceil(wanted / extent)) * extent;
  if (rounded > free) {
    const share = given === undefined ? ` (a tenth of ${pathOf(origin)})` : "";
    throw new SnapshotError(
      `the volume group ${origin.vg_name} has ${formatBytes(free)} free, and the snapshot needs ${formatBytes(rounded)}${share}`,
      "give a --snapshot-size that is large enough for what changes during the copy and fits, or add a disk to the group (`vgextend`)",
    );
  }
  return rounded;
}

/** Refuses a pool that is full: the next write to the origin would fail. */
function refuseFullPool(rows: readonly VolumeRow[], origin: VolumeRow): void {
  const pool = poolOf(rows, origin);
  if (pool === undefined) {
    throw new SnapshotError(
      `the thin pool ${origin.vg_name}/${origin.pool_lv} of ${pathOf(origin)} is missing in the report of lvs`,
      "look at `lvs -a`",
    );
  }
  const fault = poolFault(pool);
  if (fault !== undefined) {
    throw new SnapshotError(
      fault,
      "extend the pool (`lvextend`, also its metadata) or free space in it",
    );
  }
}

/** Returns the thin pool of a volume. */
export function poolOf<Row extends VolumeRow>(
  rows: readonly Row[],
  origin: VolumeRow,
): Row | undefined {
  return rows.find((row) => row.vg_name === origin.vg_name && row.lv_name === origin.pool_lv);
}

/** Says that a thin pool is full or broken; undefined if it is neither. */
export function poolFault(pool: VolumeRow): string | undefined {
  const isFull = [pool.data_percent, pool.metadata_percent].some(
    (percent) => (percentIn(percent) ?? 0) >= 100,
  );
  const { lv_health_status: health } = pool;
  if (!isFull && health === "") {
    return undefined;
  }
  const state = health === "" ? "" : `, state ${health}`;
  return `the thin pool ${pathOf(pool)} is out of space: data ${pool.data_percent} %, metadata ${pool.metadata_percent} %${state}`;
}
