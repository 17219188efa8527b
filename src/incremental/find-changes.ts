import { messageOf } from "../errors/message-of.ts";
import type * as Binding from "../native/binding.js";
import { MAX_EXTENTS } from "../protocol/range-list.ts";
import { type ExtentList, union } from "../ranges/extents.ts";
import { originOf, poolOf } from "../snapshots/lvm/plan.ts";
import type { IdentifiedRow } from "../snapshots/lvm/report.ts";
import type { VolumeSnapshot } from "../snapshots/lvm/volume-snapshot.ts";
import { listIdentified, pathOf } from "../snapshots/lvm/volumes.ts";
import { SnapshotError } from "../snapshots/snapshot-error.ts";
import type { SnapshotRequest, Volume } from "../snapshots/take-snapshot.ts";
import { chooseBase, reasonWithoutRecord } from "./choose-base.ts";
import type { Destination } from "./destination.ts";
import { type BaseRecord, EVERYTHING } from "./record.ts";
import type { RecordFile } from "./record-file.ts";
import { changedRanges, mappingFault } from "./thin-ranges.ts";

/** The ranges to compare, and the reason if that is everything. */
export interface Changes {
  extents: ExtentList;
  /** Undefined if the base tells what has changed. */
  reason: string | undefined;
}

/** The volume to copy, its pool, and the snapshot of it that is copied now. */
export interface Volumes {
  rows: readonly IdentifiedRow[];
  origin: IdentifiedRow;
  pool: IdentifiedRow;
  taken: IdentifiedRow;
}

/** Finds the volumes of a copy in the report of LVM. */
export async function volumesOf(
  { file, options }: SnapshotRequest,
  { group, number }: Volume,
  snapshot: VolumeSnapshot,
): Promise<Volumes> {
  const rows = await listIdentified(group);
  const origin = originOf(rows, { file, number }, options);
  const pool = poolOf(rows, origin);
  const taken = rows.find((row) => snapshot.isRow(row));
  if (pool === undefined || taken === undefined) {
    throw new SnapshotError(
      `the pool of ${pathOf(origin)}, or its new snapshot, is missing in the report of lvs`,
      "look at `lvs -a`",
    );
  }
  const fault = mappingFault(taken);
  if (fault !== undefined) {
    throw new SnapshotError(
      `--incremental cannot be used: ${fault}`,
      "use --snapshot thin instead",
    );
  }
  return { rows, origin, pool, taken };
}

/**
 * Finds what has changed, and records that all of it may be written to the destination from now on. What an audit finds is known only at its
 * end: until then, the record promises nothing, so that a run that ends before does not hide what it has found.
 */
export async function prepare(
  engine: Binding.Engine,
  {
    file,
    volumes,
    destination,
    audited,
    tag,
  }: {
    file: RecordFile;
    volumes: Volumes;
    destination: Destination;
    audited: boolean;
    tag: string;
  },
): Promise<{ changes: Changes; last: string | undefined }> {
  const found = await file.read();
  if (found === undefined || "reason" in found) {
    // A record that cannot be read now must not be found again once the destination has been written to.
    await file.remove();
    const reason = found?.reason ?? reasonWithoutRecord({ ...volumes, tag });
    return { changes: { extents: [EVERYTHING], reason }, last: undefined };
  }
  const changes = await changesSince(engine, found, { volumes, destination, tag });
  await file.write({ ...found, pending: audited ? [EVERYTHING] : changes.extents });
  return { changes, last: found.facts.base.uuid };
}

async function changesSince(
  engine: Binding.Engine,
  record: BaseRecord,
  {
    volumes: { rows, origin, pool, taken },
    destination,
    tag,
  }: { volumes: Volumes; destination: Destination; tag: string },
): Promise<Changes> {
  const choice = chooseBase({ record, rows, origin, destination, tag });
  if ("reason" in choice) {
    return { extents: [EVERYTHING], reason: choice.reason };
  }
  try {
    const changed = await changedRanges(engine, { pool, base: choice.base, snapshot: taken });
    const extents = union(changed, record.pending);
    const last = extents.at(-1);
    const isAll = last?.start === 0 && last.end === EVERYTHING.end;
    if (extents.length > MAX_EXTENTS) {
      throw new Error(`more than ${MAX_EXTENTS} ranges have changed`);
    }
    return { extents, reason: isAll ? UNFINISHED : undefined };
  } catch (error) {
    return { extents: [EVERYTHING], reason: messageOf(error) };
  }
}

const UNFINISHED =
  "the last copy that compared everything or had an audit was not finished, or its audit found differences";
