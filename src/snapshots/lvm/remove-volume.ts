import { messageOf } from "../../errors/message-of.ts";
import { type ToolWork, workMeanwhile, workNow } from "../../transport/tools/tool-work.ts";
import { listIn, type VolumeRow } from "./report.ts";
import { LVM_PATIENCE, LVM_SECONDS, volumesIn } from "./volumes.ts";

/** A volume by its name, and by tags that it has: another one may have got the name since. */
export interface Removable {
  group: string;
  name: string;
  tags: readonly string[];
}

/** Attempts to remove a snapshot. LVM itself waits some seconds for a device that is open. */
const ATTEMPTS = 3;

/**
 * Removes a snapshot, if it exists.
 *
 * @returns a warning if that fails
 */
export function removeVolume(
  snapshot: Removable,
  attempts = ATTEMPTS,
): Promise<string | undefined> {
  return workMeanwhile(removal(snapshot, attempts), LVM_PATIENCE);
}

/** Does the same as the last thing that this process does. */
export function removeVolumeNow(snapshot: Removable): string | undefined {
  return workNow(removal(snapshot, ATTEMPTS), LVM_SECONDS);
}

function* removal(snapshot: Removable, attempts: number): ToolWork<string | undefined> {
  const path = `${snapshot.group}/${snapshot.name}`;
  let reason: string | undefined;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    try {
      const rows = yield* volumesIn(snapshot.group);
      if (!rows.some((row) => isRow(row, snapshot))) {
        return undefined;
      }
      const { failure } = yield ["lvremove", "--yes", "--", path];
      if (failure === undefined) {
        return undefined;
      }
      reason = failure;
    } catch (error) {
      reason = messageOf(error);
    }
  }
  return notRemoved(path, reason);
}

/** True for the row of a volume. */
export function isRow(
  row: Pick<VolumeRow, "lv_name" | "lv_tags">,
  { name, tags }: Pick<Removable, "name" | "tags">,
): boolean {
  const found = listIn(row.lv_tags);
  return row.lv_name === name && tags.length > 0 && tags.every((tag) => found.includes(tag));
}

/** Makes the warning about a snapshot that is left. */
export function notRemoved(path: string, reason = "unknown"): string {
  return `the snapshot ${path} could not be removed: ${reason}; remove it with \`lvremove ${path}\``;
}
