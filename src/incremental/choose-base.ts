import { wasRolledBack, wasWritten } from "../protocol/destination-state.ts";
import { poolOf } from "../snapshots/lvm/plan.ts";
import { listIn, type IdentifiedRow } from "../snapshots/lvm/report.ts";
import { pathOf } from "../snapshots/lvm/volumes.ts";
import type { Destination } from "./destination.ts";
import type { BaseRecord } from "./record.ts";
import { STATE_FOLDER } from "./record-file.ts";
import { FIRST } from "./word.ts";

/** All that decides about a base. */
export interface Situation {
  /** The record of the last complete copy. */
  record: BaseRecord;
  /** The volumes of the group. */
  rows: readonly IdentifiedRow[];
  /** The volume to copy. */
  origin: IdentifiedRow;
  destination: Destination;
  /** The tag of a base with this name. */
  tag: string;
}

/** A base to compare with, or the reason why none can be used. */
export type Choice = { base: IdentifiedRow } | { reason: string };

/**
 * Decides if the base of the last copy still tells what has changed since, and if the destination is the one that was equal to it. Whatever
 * does not fit is a reason to compare everything.
 */
export function chooseBase(situation: Situation): Choice {
  const { record, rows } = situation;
  const base = rows.find((row) => row.lv_uuid === record.facts.base.uuid);
  const fault = volumeFault(situation);
  if (fault !== undefined || base === undefined) {
    return { reason: fault ?? "the snapshot of the last copy is gone" };
  }
  const reason = baseFault(situation, base) ?? destinationFault(situation);
  return reason === undefined ? { base } : { reason };
}

/**
 * Returns the reason to compare everything if there is no record. That of a first copy needs no alarm. A base without a record does: where
 * the folder of the records is lost after each run, as in a container, every copy would take as long as the first one.
 */
export function reasonWithoutRecord({
  rows,
  origin,
  tag,
}: Pick<Situation, "rows" | "origin" | "tag">): string {
  const base = rows.find(
    (row) => row.origin === origin.lv_name && listIn(row.lv_tags).includes(tag),
  );
  return base === undefined
    ? FIRST
    : `there is no record of the last copy in ${STATE_FOLDER}, although its snapshot ${pathOf(base)} exists; keep that folder between the runs, and use one NAME for each destination`;
}

/** Returns the first reason that holds. */
function firstOf(
  reasons: readonly (readonly [holds: boolean, reason: string])[],
): string | undefined {
  return reasons.find(([holds]) => holds)?.[1];
}

function volumeFault({ rows, origin, record: { facts } }: Situation): string | undefined {
  const path = pathOf(origin);
  const pool = poolOf(rows, origin);
  return firstOf([
    [facts.volume.group !== origin.vg_uuid, `the volume group ${origin.vg_name} is another one`],
    [facts.volume.uuid !== origin.lv_uuid, `${path} is not the volume that was copied last`],
    [facts.volume.thinId !== origin.thin_id, `${path} was replaced or rolled back`],
    [facts.volume.size !== Number(origin.lv_size), `${path} has another size than before`],
    [pool === undefined, `the thin pool of ${path} is not listed`],
    [facts.pool.uuid !== pool?.lv_uuid, `${path} is in another thin pool`],
    [facts.pool.chunk !== Number(pool?.chunk_size), "the thin pool has another chunk size"],
    [
      !(Number(pool?.transaction_id) >= facts.pool.transaction),
      "the metadata of the thin pool are older than the last copy",
    ],
  ]);
}

function baseFault(
  { origin, tag, record: { facts } }: Situation,
  base: IdentifiedRow,
): string | undefined {
  const path = pathOf(base);
  return firstOf([
    [base.pool_lv !== origin.pool_lv, `the snapshot ${path} is in another thin pool`],
    [base.thin_id !== facts.base.thinId, `the snapshot ${path} was replaced`],
    [!listIn(base.lv_tags).includes(tag), `the snapshot ${path} has lost its tag ${tag}`],
    // `R` is a writable one that this host has activated for reading only, see lv_attr in lvs(8).
    [base.lv_attr.charAt(1) !== "r", `the snapshot ${path} is writable`],
    [base.lv_size !== origin.lv_size, `the snapshot ${path} has another size`],
  ]);
}

function destinationFault({ destination: now, record }: Situation): string | undefined {
  const { facts, pending } = record;
  const last = facts.destination;
  // Its time of last change tells of these, too.
  const isFile = now.state?.startsWith("file ") === true;
  return firstOf([
    [
      now.host !== last.host || now.path !== last.path,
      `the last copy went to ${last.path} on ${last.host}`,
    ],
    [now.identity === null, `${now.path} has no permanent identifier`],
    [now.identity !== last.identity, `${now.path} is another file or device than last time`],
    [now.size !== last.size, `${now.path} has another size than before`],
    // Of what a rolled back file lacks, the pending ranges do not tell.
    [
      wasRolledBack(last.state, now.state),
      `${now.path} is in a state from before the last copy: it was rolled back or restored`,
    ],
    // Copies that did not end well have written to it too, in ranges that are known.
    [
      pending.length === 0 && wasWritten(last.state, now.state),
      `something else has written to ${now.path} since the last copy${isFile ? ", or has changed its mode, owner or names" : ""}`,
    ],
  ]);
}
