import { UsageError } from "../errors/copy-error.ts";

/** Values of `--snapshot`. */
export const SNAPSHOT_KINDS = ["auto", "lvm", "thin", "reflink", "none"] as const;

export type SnapshotKind = (typeof SNAPSHOT_KINDS)[number];

/** Seconds that `--before` and `--after` may take, unless given. */
export const HOOK_SECONDS = 60;

/** The options for a snapshot, as given. */
export interface SnapshotOptions {
  /** The way to make it; `none` copies the source itself. */
  snapshot: SnapshotKind;
  /** Bytes for the changes during the copy, of a classic LVM snapshot. */
  snapshotSize: number | undefined;
  /** Command of the shell to run before the snapshot is made. */
  before: string | undefined;
  /** Command of the shell to run after that, whatever happened. */
  after: string | undefined;
  /** Seconds that each of the two may take. */
  hookTimeout: number | undefined;
}

/** The options of a copy from the source itself. */
export const NO_SNAPSHOT: SnapshotOptions = {
  snapshot: "none",
  snapshotSize: undefined,
  before: undefined,
  after: undefined,
  hookTimeout: undefined,
};

/**
 * Refuses options for a snapshot that would be ignored. A database that was not stopped would go unnoticed.
 *
 * @throws UsageError
 */
export function refuseUselessOptions(options: SnapshotOptions): void {
  const { snapshot, snapshotSize, before, after, hookTimeout } = options;
  const given = {
    "--snapshot-size": snapshotSize !== undefined,
    "--before": before !== undefined,
    "--after": after !== undefined,
    "--hook-timeout": hookTimeout !== undefined,
  };
  const [option] = Object.entries(given).find(([, isGiven]) => isGiven) ?? [];
  if (snapshot === "none" && option !== undefined) {
    throw new UsageError(
      `${option} is for a snapshot, and none is asked for`,
      "add --snapshot auto, or leave it out",
    );
  }
  if (snapshotSize !== undefined && snapshot !== "auto" && snapshot !== "lvm") {
    throw new UsageError(
      `--snapshot-size is for a classic LVM snapshot, and --snapshot ${snapshot} needs no size`,
      "leave one of them out",
    );
  }
  if (hookTimeout !== undefined && before === undefined && after === undefined) {
    throw new UsageError(
      "--hook-timeout is for --before and --after, and neither is given",
      "leave it out",
    );
  }
}
