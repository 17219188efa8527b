import { type ToolWork, workMeanwhile } from "../../transport/tools/tool-work.ts";
import { SnapshotError } from "../snapshot-error.ts";
import {
  FIELDS,
  IDENTIFYING_FIELDS,
  type IdentifiedRow,
  parseRows,
  type VolumeRow,
} from "./report.ts";
import { messageOf } from "../../errors/message-of.ts";

/** Seconds that a command of LVM may take if this process waits for it and says nothing. `sync` gives up such a stage after a minute. */
export const LVM_SECONDS = 45;

/**
 * Seconds that it may take if this process gives signs of life: it waits for others that have locked the group, an lvremove of a large thin
 * volume takes minutes, and an lvcreate waits until its origin has written what is in the page cache.
 */
export const LVM_PATIENCE = 600;

/** LVM cannot be asked, or what it says is not understood. */
class LvmError extends SnapshotError {
  constructor(reason: string) {
    super(
      `LVM does not tell about the source: ${reason}`,
      "make sure that `lvs` works on the host of the source, as this user (root, most likely)",
    );
  }
}

/**
 * Lists the logical volumes of a group. Others are left alone: one of another host, or with a missing disk, would make it fail.
 *
 * @throws LvmError
 */
export function listVolumes(group: string): Promise<VolumeRow[]> {
  return workMeanwhile(volumesIn(group), LVM_PATIENCE);
}

/**
 * Lists the logical volumes of a group, with what identifies them.
 *
 * @throws LvmError
 */
export function listIdentified(group: string): Promise<IdentifiedRow[]> {
  return workMeanwhile(list(group, IDENTIFYING_FIELDS), LVM_PATIENCE);
}

/**
 * Lists the logical volumes of a group, as part of other work.
 *
 * @throws LvmError
 */
export function volumesIn(group: string): ToolWork<VolumeRow[]> {
  return list(group, FIELDS);
}

function* list<Field extends string>(
  group: string,
  fields: readonly Field[],
): ToolWork<Readonly<Record<Field, string>>[]> {
  const how = ["--reportformat", "json", "--units", "b", "--nosuffix", "--options"];
  const { output, failure } = yield ["lvs", ...how, fields.join(","), "--", group];
  if (failure !== undefined) {
    throw new LvmError(failure);
  }
  return understood(() => parseRows(output, fields));
}

/**
 * Does `work` on what LVM has reported.
 *
 * @throws LvmError if that fails
 */
export function understood<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new LvmError(`the report of lvs is not understood: ${messageOf(error)}`);
  }
}

/** True if a volume is the device with this `major:minor`. */
export function isDevice(row: VolumeRow, number: string): boolean {
  return `${row.lv_kernel_major}:${row.lv_kernel_minor}` === number;
}

/** Returns the name of a volume, as LVM takes it. */
export function pathOf({ vg_name: group, lv_name: volume }: VolumeRow): string {
  return `${group}/${volume}`;
}
