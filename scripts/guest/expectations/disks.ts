import { COPIED, type Topic } from "./topic.ts";

export const nvme: Topic = {
  name: "nvme",
  disks: { small: { mebibytes: 6 }, large: { mebibytes: 6, sector: 4096 } },
  rows: {
    "sectors of 512 to 4096 bytes": COPIED,
    "sectors of 4096 to 512 bytes, three stages": COPIED,
    "three stages as 0.0.2 has them": COPIED,
    "without the page cache": COPIED,
    "through the page cache": COPIED,
    "a range with odd ends": { ...COPIED, "before it": "kept", "after it": "kept" },
  },
};

export const partitions: Topic = {
  name: "partitions",
  disks: { small: { mebibytes: 8 }, large: { mebibytes: 8, sector: 4096 } },
  rows: {
    "different sizes are refused": { code: 64, destination: "kept" },
    "to a larger partition": { ...COPIED, "its end": "kept", "next partition": "kept" },
    "to a larger partition, three stages, blocks of 4 KiB": { ...COPIED, "its end": "kept" },
    "to a smaller partition, three stages": { code: 64, "next partition": "kept" },
    "to a smaller partition": { code: 64, "next partition": "kept" },
  },
};

export const badSectors: Topic = {
  name: "bad-sectors",
  disks: {
    good: { mebibytes: 8 },
    bad: { mebibytes: 8 },
    nvme: { mebibytes: 8, volatile: true },
  },
  rows: {
    "source that cannot be read": { code: 74, says: /read \S*unreadable at offset 3145728/ },
    // The code of the last stage: the first one has ended with 74.
    "the same, three stages": { code: 76, says: /read \S*unreadable at offset 3145728/ },
    "destination that cannot be read": { code: 74, says: /read \S*unreadable at offset 3145728/ },
    "errors of reading alone": { code: 74, says: /read \S*unreadable at offset 3145728/ },
    "destination that cannot be written, --direct auto": {
      code: 74,
      destination: "different",
      says: /write \S*unwritable at offset 31\d{5}/,
    },
    "destination that cannot be written, --direct off": {
      code: 74,
      destination: "different",
      says: /unwritable/,
    },
    "dm-dust": { code: 74, says: /read \S*dust at offset 3145728/ },
    "NVMe source with a bad sector": { code: 74, says: /read \S*nvme\S* at offset 3145728/ },
    "NVMe destination with a bad sector": { code: 74, says: /read \S*nvme\S* at offset 3145728/ },
    "the same, once the sector was written": COPIED,
  },
};

export const droppedWrites: Topic = {
  name: "dropped-writes",
  disks: { source: { mebibytes: 4 }, under: { mebibytes: 4 } },
  rows: {
    // The disk lies, and only reading back finds that.
    "without --verify": { code: 0, destination: "different" },
    "--verify written": { code: 65, says: /offset/ },
    "--verify full": { code: 65, says: /offset/ },
    "--verify full, three stages": { code: 65, says: /offset/ },
  },
};

export const changingDisks: Topic = {
  name: "changing-disks",
  disks: {
    source: { mebibytes: 8 },
    destination: { mebibytes: 8 },
    first: { mebibytes: 8, bus: "virtio" },
    second: { mebibytes: 8, bus: "virtio" },
  },
  rows: {
    "destination unplugged": { code: 74, says: /nvme/ },
    "the same, plugged in again": COPIED,
    "source unplugged": { code: 74, says: /slow/ },
    "destination shrinks": { code: 74, says: /vd/ },
    "destination grows": COPIED,
    "source shrinks": { code: 74, says: /slow/ },
    "source grows": COPIED,
  },
};

/** The clock has jumped while the copy was going on. */
const JUMPED = { ...COPIED, jumped: "midway" };

export const clock: Topic = {
  name: "clock",
  disks: { source: { mebibytes: 4 }, destination: { mebibytes: 4 } },
  rows: {
    "a day ahead": JUMPED,
    "a day back": JUMPED,
    "a year back, several streams": JUMPED,
    "a minute ahead, three stages": JUMPED,
  },
};

export const littleMemory: Topic = {
  name: "little-memory",
  memory: "256M",
  disks: { source: { mebibytes: 300 }, destination: { mebibytes: 300 } },
  rows: { sync: COPIED, "three stages, zstd": COPIED, "blocks of 16 MiB": COPIED },
};
