import { clock } from "../../native/clock.ts";
import { isAbandoned } from "./owner.ts";
import { notRemoved, removeVolume } from "./remove-volume.ts";
import { isOpen, listIn, type VolumeRow } from "./report.ts";
import { isSnapshotName } from "./snapshot-name.ts";
import { pathOf } from "./volumes.ts";

/** Milliseconds after which no more snapshots of killed runs are removed before the copy. */
const TO_TIDY = 30_000;

/**
 * Removes the snapshots of a volume that killed runs have left. One that cannot be removed is a warning. LVM waits some seconds for each that
 * is open, so those are left to a later run.
 *
 * @returns the warnings
 */
export async function removeAbandoned(
  rows: readonly VolumeRow[],
  origin: VolumeRow,
): Promise<string[]> {
  const begun = clock();
  const warnings: string[] = [];
  for (const row of rows.filter((each) => isAbandonedSnapshot(each, origin))) {
    const snapshot = { group: row.vg_name, name: row.lv_name, tags: listIn(row.lv_tags) };
    const warning = isOpen(row)
      ? notRemoved(pathOf(row), "it is open (`lsof` and `dmsetup ls --tree` show by whom)")
      : clock() - begun > TO_TIDY
        ? notRemoved(pathOf(row), "the others have taken too long")
        : await removeVolume(snapshot, 1);
    warnings.push(...(warning === undefined ? [] : [warning]));
  }
  return warnings;
}

/** True for a snapshot of a volume, also a half-made one, that a killed run has surely left. */
export function isAbandonedSnapshot(row: VolumeRow, origin: VolumeRow): boolean {
  const isOfOrigin = row.origin === origin.lv_name || isHalfMade(row, origin);
  return row.vg_name === origin.vg_name && isOfOrigin && isAbandoned(listIn(row.lv_tags));
}

/**
 * True for what a killed lvcreate may have left of a classic snapshot: it makes a plain volume for the changes, with the name and the tags of
 * the snapshot, wipes that, and only then makes it the snapshot of its origin. A thin snapshot has its origin from the beginning; one without
 * may be the last copy of a volume that was removed.
 */
function isHalfMade(row: VolumeRow, { lv_name: volume, vg_name: group }: VolumeRow): boolean {
  return (
    row.origin === "" &&
    row.pool_lv === "" &&
    row.lv_layout === "linear" &&
    row.lv_role === "public" &&
    isSnapshotName(row.lv_name, { group, volume })
  );
}
