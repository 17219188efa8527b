import {
  HOOK_SECONDS,
  SNAPSHOT_KINDS,
  type SnapshotKind,
} from "../../snapshots/snapshot-options.ts";
import { type Kind, value, valueOr } from "./declare.ts";
import { COMMAND } from "./file-name.ts";
import { HOOK_LIMIT } from "./io-options.ts";
import { OFFSET } from "./offset.ts";
import { oneOf } from "./one-of.ts";

// Declarations of the options that `sync` and `retrieve` share. Each command calls them for fields of the same names.

const KIND = oneOf("KIND", SNAPSHOT_KINDS, "auto");

const SIZE: Kind<number> = { ...OFFSET, name: "SIZE" };

/** `--snapshot` */
export function snapshot(): SnapshotKind {
  return valueOr("--snapshot", KIND, "none", {
    group: "safety",
    text: "Copy a snapshot of the source, made now and removed afterwards: lvm, thin (LVM volumes), reflink (a file on XFS or btrfs), auto (the one that fits) or none. Default: none",
  });
}

/** `--snapshot-size` */
export function snapshotSize(): number | undefined {
  return value("--snapshot-size", SIZE, {
    group: "safety",
    text: "Room in a classic LVM snapshot for what changes during the copy, such as 10G. Default: a tenth of the volume",
  });
}

/** `--before` */
export function before(): string | undefined {
  return value("--before", COMMAND, {
    group: "safety",
    text: "Run this command of the shell before the snapshot is made, on the host of the source. If it fails, nothing is copied",
  });
}

/** `--after` */
export function after(): string | undefined {
  return value("--after", COMMAND, {
    group: "safety",
    text: "Run this command as soon as the snapshot is made, or has failed; the copy begins after it",
  });
}

/** `--hook-timeout` */
export function hookTimeout(): number | undefined {
  return value("--hook-timeout", HOOK_LIMIT, {
    group: "safety",
    text: `Seconds that each of --before and --after may take; if the snapshot takes longer, --after is run and the copy fails. Default: ${HOOK_SECONDS}`,
  });
}
