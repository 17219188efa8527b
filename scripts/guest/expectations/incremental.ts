import { COPIED, type Expected, type Topic } from "./topic.ts";

/** A copy that is complete and has left its base alone. */
const KEPT: Expected = { ...COPIED, bases: "1/1", held: "-" };

/** A copy that compares only what has changed: it has no reason to compare everything. */
const CHANGED: Expected = { ...KEPT, says: /^(?![^]*everything is compared)/ };

/** A copy that compares everything for this reason. */
const all = (reason: string): Expected => ({
  ...KEPT,
  says: new RegExp(`WARNING \\(sync\\): everything is compared: .*${reason}`),
});

/** The same, where only the bytes are looked at. */
const equal = ({ says }: Expected): Expected => ({ ...COPIED, ...(says && { says }) });

export const incremental: Topic = {
  name: "incremental",
  disks: {
    group: { mebibytes: 64 },
    copy: { mebibytes: 32 },
    other: { mebibytes: 32 },
    below: { mebibytes: 40 },
  },
  rows: {
    "the first night": { ...all("the first copy with this name"), mode: 700 },
    "the second night": {
      ...CHANGED,
      "MiB read of the destination": /^[0-4]$/,
      "MiB read of the source": /^[0-4]$/,
    },
    "the third night": { ...CHANGED, hooks: "before,after," },
    "nothing has changed": CHANGED,
    "two at once": { code: 75, bases: "1/1", says: /same --incremental NAME of this volume/ },
    "another destination": equal(all("the last copy went to /dev/\\S+ on ")),
    "the first destination again": all("the last copy went to /dev/\\S+ on "),
    "a destination that something else wrote to": all("something else has written to /dev/"),
    "a metadata snapshot of another program": {
      ...all("another program has made"),
      theirs: "kept",
    },
    "thin_delta fails": all("thin_delta failed with exit code 1"),
    "a thin_delta that leaves out blocks": all("thin_delta 1.0.4 leaves out blocks"),
    "the record is lost": all("no record of the last copy in /var/lib/blockcopy"),
    "the base is gone": all("the snapshot of the last copy is gone"),
    "rolled back": all("vg/disk was replaced or rolled back"),
    "created again": all("vg/disk is not the volume that was copied last"),
    "an audit that finds a difference": {
      code: 79,
      destination: "equal",
      says: /1 block .* outside the changed ranges differed.*the next run compares everything/,
    },
    "after that audit": equal(all("its audit found differences")),
    "two names for one destination": {
      code: 0,
      records: "audited*.base,broken*.base,second:vg:disk.base",
      says: /record of --incremental audited for vg\/disk was removed.*@blockcopy.base=audited/,
    },
    "two names at once": { code: 75, first: 0, says: /to the same destination, is running/ },
    "between hosts": CHANGED,
    "to a file": equal(all("the first copy with this name")),
    "the same file": equal(CHANGED),
    "the file was written to": equal(all("something else has written to /tmp/copy.img")),
    "a volume that is not thin": { code: 64, says: /vg2\/copy is no thin LVM volume/ },
    "a full pool": { code: 69, held: "-", says: /thin pool vg\/pool is out of space/ },
  },
};

/** The exit code of a copy that was killed: the destination may have ended well by then. */
const KILLED: Expected = { ...CHANGED, "killed with": 75 };

export const incrementalKills: Topic = {
  name: "incremental-kills",
  disks: { group: { mebibytes: 64 }, copy: { mebibytes: 32 } },
  rows: {
    ...Object.fromEntries(
      [
        "after lvcreate",
        "before thin_delta --meta",
        "after thin_delta --meta",
        "after release_metadata_snap",
        "before lvchange --yes --set",
        "after lvchange --yes --set",
        "after lvchange --yes --activate",
        "before lvremove",
        "after lvremove",
      ].map((step) => [`killed: ${step}`, KILLED]),
    ),
    "killed: a copy with an audit": { ...all("had an audit was not finished"), "killed with": 75 },
    "killed: the copy itself": CHANGED,
    "killed: after reserve_metadata_snap": {
      ...all("the pool vg-pool-tpool holds a snapshot of its metadata that another program"),
      "killed with": 75,
      "held at first": "yes",
    },
  },
};

/** Up to twice 5 MiB, in KiB. */
const TWICE_AS_MUCH = /^([5-9]\d{3}|10[01]\d\d)$/;
const SOME = /^\d+$/;

export const incrementalCost: Topic = {
  name: "incremental-cost",
  disks: { group: { mebibytes: 640 }, copy: { mebibytes: 512 }, small: { mebibytes: 5 } },
  rows: {
    "a hundredth has changed": {
      ...CHANGED,
      "KiB of the source, changed": TWICE_AS_MUCH,
      "KiB of the destination, changed": TWICE_AS_MUCH,
      "ms, changed": SOME,
      "KiB of the source, alone": TWICE_AS_MUCH,
      "KiB of the destination, alone": TWICE_AS_MUCH,
      "ms, alone": SOME,
    },
  },
};
