import { COPIED, type Expected, type Topic } from "./topic.ts";

export const lvm: Topic = {
  name: "lvm",
  disks: { first: { mebibytes: 20 }, second: { mebibytes: 20 } },
  rows: {
    "linear volume to linear volume": COPIED,
    "snapshot of a changed volume": { code: 0, copy: "kept" },
  },
};

const FULL = /cannot (?:write|sync) \/dev\/vg\/\w+.*(?:No space left|ENOSPC|EIO)/i;

export const thin: Topic = {
  name: "thin",
  disks: { pool: { mebibytes: 40 }, source: { mebibytes: 16 } },
  rows: {
    "thin volume to thin volume": { ...COPIED, used: "50.00" },
    "zeros that replace data": COPIED,
    "to a pool that is full": { code: 74, destination: "different", says: FULL },
    "the same, with room": COPIED,
    "to a pool that is full, and waits for room": {
      code: 74,
      destination: "different",
      says: FULL,
    },
  },
};

export const recipe: Topic = {
  name: "recipe",
  disks: { pool: { mebibytes: 48 } },
  rows: {
    "thin_delta as the manual has it": { ...COPIED, ids: "1,2", "metadata snapshot": "-" },
  },
};

export const md: Topic = {
  name: "md",
  disks: { source: { mebibytes: 5 }, one: { mebibytes: 6 }, two: { mebibytes: 6 } },
  rows: {
    "to a mirror": { ...COPIED, members: "equal" },
    "to a degraded mirror": COPIED,
    "the mirror once it is whole again": { code: 0, "new member": "equal" },
    "from a degraded mirror": COPIED,
  },
};

export const layers: Topic = {
  name: "layers",
  disks: {
    source: { mebibytes: 6 },
    under: { mebibytes: 6 },
    virtio: { mebibytes: 6, bus: "virtio" },
  },
  rows: {
    "to dm-crypt with sectors of 4096 bytes": COPIED,
    "zeros to dm-crypt, sparse": COPIED,
    "to zram": COPIED,
    "to virtio": COPIED,
    "from virtio, sparse": COPIED,
  },
};

/** Rows for each kind of snapshot. */
const ofKind = (kind: "lvm" | "thin"): Readonly<Record<string, Expected>> => ({
  "a source in use": {
    code: 0,
    says: new RegExp(`is in use: .*copy a snapshot: --snapshot ${kind}`),
  },
  "a moment": { code: 0, moments: "one", left: 0, says: /^(?![^]*in use)/ },
  killed: { code: 0, killed: 2, "the other": "kept", "other code": 143, left: 0 },
  "ended by a signal": { code: 143, left: 0 },
  hooks: {
    ...COPIED,
    hooks: `before,/dev/vg/${kind},${kind},after,1,`,
  },
  "a command that fails": {
    code: 69,
    hooks: "after",
    destination: "kept",
    left: 0,
    says: /command of --before failed: exit code 3: the database is gone/,
  },
});

const FILLED = /snapshot vg\/lvm-blockcopy-\S+ is full: .*--snapshot-size/;

export const snapshots: Topic = {
  name: "snapshots",
  disks: { group: { mebibytes: 80 }, copy: { mebibytes: 12 }, other: { mebibytes: 12 } },
  rows: {
    ...Object.fromEntries(
      (["lvm", "thin"] as const).flatMap((kind) =>
        Object.entries(ofKind(kind)).map(([row, expected]) => [`${kind}: ${row}`, expected]),
      ),
    ),
    "lvm: full": { code: 74, left: 0, says: FILLED },
    "lvm: full at the end": { code: 74, left: 0, says: FILLED },
    "a snapshot that another process holds": {
      code: 73,
      destination: "equal",
      "left at first": 1,
      left: 0,
      says: /ERROR \(sync\): the copy is complete, but the snapshot vg\/\S+ could not be removed: .*lvremove vg\/\S+/,
    },
    "lvm: no room": { code: 69, says: /volume group vg has .* free.*--snapshot-size/ },
    "lvm: killed, with room for one snapshot": { ...COPIED, killed: 1, left: 0 },
    "onto its origin": { code: 64, left: 0, says: /are the same/ },
    "a device without volumes": { code: 64, says: /is no LVM volume/ },
    "the connection is lost": { left: 0 },
    "thin: full": { code: 69, left: 0, says: /thin pool vg\/pool is out of space/ },
  },
};

/** Refused before anything is written, by a message with these words. */
const refused = (says: RegExp): Expected => ({ code: 69, destination: "kept", says });

export const inUse: Topic = {
  name: "in-use",
  disks: {
    source: { mebibytes: 4 },
    mounted: { mebibytes: 8 },
    lvm: { mebibytes: 8 },
    md: { mebibytes: 8 },
    crypt: { mebibytes: 8 },
    swap: { mebibytes: 8 },
    loop: { mebibytes: 8 },
    mapped: { mebibytes: 8 },
  },
  rows: {
    "mounted partition": refused(/mounted on \/mnt\/a/),
    "disk with a mounted partition": refused(/mounted on \/mnt\/a/),
    "disk of a volume group": refused(/vg-volume|\/mnt\/b/),
    "mounted volume": refused(/mounted on \/mnt\/b/),
    "member of a mirror": refused(/md0/),
    "disk below dm-crypt": refused(/crypt/),
    swap: refused(/swap/),
    "disk below a loop device": refused(/loop0/),
    "disk below device-mapper": refused(/mapped|dm-/),
    "once it is free": COPIED,
  },
};

const onFileSystem: Readonly<Record<string, Expected>> = {
  "--create": COPIED,
  holes: { ...COPIED, blocks: "few" },
  "--sparse": { ...COPIED, blocks: "few" },
  "--direct on": COPIED,
  grown: { ...COPIED, size: (4 << 20) + 700_001 },
  truncated: { ...COPIED, size: 3_000_001 },
  "digest cache": { code: "0 0", destination: "equal" },
  full: { code: 74, file: "removed", says: /more bytes are needed/ },
  "full while it is written": { code: 74, destination: "different", says: /No space|ENOSPC/ },
};

/** Rows that end in another way on some file systems. */
const EXCEPTIONS: Readonly<Record<string, Readonly<Record<string, Expected>>>> = {
  // It finds out only when it writes how much room its metadata need.
  btrfs: { full: { code: 74, file: /removed|left/, says: /more bytes are needed|No space/ } },
  // bindfs passes no fallocate(2) on that punches holes, so zeros are written; and its room is known only afterwards.
  fuse: {
    holes: { ...COPIED, blocks: "all" },
    "--sparse": { ...COPIED, blocks: "all" },
    full: { code: 74, file: /removed|left/, says: /more bytes are needed|No space/ },
  },
};

export const fileSystems: Topic = {
  name: "file-systems",
  disks: {
    ext4: { mebibytes: 64 },
    xfs: { mebibytes: 320 },
    btrfs: { mebibytes: 256 },
    fuse: { mebibytes: 64 },
  },
  rows: Object.fromEntries(
    ["ext4", "xfs", "btrfs", "fuse"].flatMap((system) =>
      Object.entries({ ...onFileSystem, ...EXCEPTIONS[system] }).map(([row, expected]) => [
        `${system}: ${row}`,
        expected,
      ]),
    ),
  ),
};
