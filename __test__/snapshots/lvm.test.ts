// Decisions from a report of LVM: lvs 2.03.16 has written these for the volumes that their names describe. The guest tries the rest.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { hostname } from "node:os";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { isAbandoned, ownTag } from "../../src/snapshots/lvm/owner.ts";
import { planVolume } from "../../src/snapshots/lvm/plan.ts";
import { isAbandonedSnapshot } from "../../src/snapshots/lvm/remove-abandoned.ts";
import { FIELDS, isInvalid, parseRows, type VolumeRow } from "../../src/snapshots/lvm/report.ts";
import { isSnapshotName, snapshotName } from "../../src/snapshots/lvm/snapshot-name.ts";
import type { SnapshotKind } from "../../src/snapshots/snapshot-options.ts";
import { PROJECT } from "../support/programs/cli.ts";
import { lackingRoot } from "../support/programs/tools.ts";

const REPORT = `
  {
      "report": [
          {
              "lv": [
                  {"vg_name":"vg", "lv_name":"lvm", "lv_attr":"owi-a-s---", "lv_layout":"linear", "lv_role":"public,origin,thickorigin", "lv_size":"12582912", "lv_tags":"", "lv_dm_path":"/dev/mapper/vg-lvm", "lv_kernel_major":"253", "lv_kernel_minor":"5", "lv_health_status":"", "lv_snapshot_invalid":"unknown", "origin":"", "pool_lv":"", "data_percent":"", "metadata_percent":"", "vg_free":"30408704", "vg_extent_size":"1048576"},
                  {"vg_name":"vg", "lv_name":"pool", "lv_attr":"twi-aotz--", "lv_layout":"thin,pool", "lv_role":"private", "lv_size":"31457280", "lv_tags":"", "lv_dm_path":"/dev/mapper/vg-pool", "lv_kernel_major":"253", "lv_kernel_minor":"2", "lv_health_status":"", "lv_snapshot_invalid":"unknown", "origin":"", "pool_lv":"", "data_percent":"0.00", "metadata_percent":"11.91", "vg_free":"30408704", "vg_extent_size":"1048576"},
                  {"vg_name":"vg", "lv_name":"snapshot-that-is-full", "lv_attr":"swi-I-s---", "lv_layout":"linear", "lv_role":"public,snapshot,thicksnapshot", "lv_size":"4194304", "lv_tags":"", "lv_dm_path":"/dev/mapper/vg-recorded", "lv_kernel_major":"253", "lv_kernel_minor":"8", "lv_health_status":"", "lv_snapshot_invalid":"snapshot invalid", "origin":"lvm", "pool_lv":"", "data_percent":"100.00", "metadata_percent":"", "vg_free":"30408704", "vg_extent_size":"1048576"},
                  {"vg_name":"vg", "lv_name":"thin", "lv_attr":"Vwi-a-tz--", "lv_layout":"thin,sparse", "lv_role":"public,origin,thinorigin", "lv_size":"12582912", "lv_tags":"", "lv_dm_path":"/dev/mapper/vg-thin", "lv_kernel_major":"253", "lv_kernel_minor":"4", "lv_health_status":"", "lv_snapshot_invalid":"unknown", "origin":"", "pool_lv":"pool", "data_percent":"0.00", "metadata_percent":"", "vg_free":"30408704", "vg_extent_size":"1048576"},
                  {"vg_name":"vg", "lv_name":"thinsnap", "lv_attr":"Vwi-a-tz--", "lv_layout":"thin,sparse", "lv_role":"public,snapshot,thinsnapshot", "lv_size":"12582912", "lv_tags":"", "lv_dm_path":"/dev/mapper/vg-thinsnap", "lv_kernel_major":"253", "lv_kernel_minor":"9", "lv_health_status":"", "lv_snapshot_invalid":"unknown", "origin":"thin", "pool_lv":"pool", "data_percent":"0.00", "metadata_percent":"", "vg_free":"30408704", "vg_extent_size":"1048576"}
              ]
          }
      ]
  }
`;

const ROWS = parseRows(REPORT, FIELDS);
const NUMBERS: Readonly<Record<string, string>> = {
  linear: "253:5",
  thin: "253:4",
  "thin snapshot": "253:9",
  snapshot: "253:8",
  other: "253:99",
};

interface Case {
  of: string;
  kind?: SnapshotKind;
  size?: number;
  rows?: readonly VolumeRow[];
  /** The kind and the size that are chosen, or the error. */
  ends: readonly [kind: string, size: number | undefined] | RegExp;
}

const full = ROWS.map((row) => (row.lv_name === "pool" ? { ...row, data_percent: "100.00" } : row));
const broken = ROWS.map((row) =>
  row.lv_name === "pool" ? { ...row, lv_health_status: "metadata_read_only" } : row,
);
const MiB = 2 ** 20;
const CASES: readonly Case[] = [
  { of: "linear", ends: ["lvm", 2 * MiB] },
  { of: "linear", size: 1, ends: ["lvm", MiB] },
  { of: "linear", size: 29 * MiB, ends: ["lvm", 29 * MiB] },
  { of: "linear", size: 29 * MiB + 1, ends: /vg has 29.00 MiB free, and the snapshot needs 30.00/ },
  { of: "linear", kind: "thin", ends: /is no thin volume/ },
  { of: "thin", ends: ["thin", undefined] },
  { of: "thin", kind: "lvm", size: MiB, ends: ["lvm", MiB] },
  { of: "thin", size: MiB, ends: /--snapshot-size is for a classic LVM snapshot/ },
  { of: "thin", rows: full, ends: /thin pool vg\/pool is out of space: data 100.00 %/ },
  { of: "thin", rows: broken, ends: /thin pool vg\/pool is out of space.*metadata_read_only/ },
  { of: "thin", rows: ROWS.filter(({ lv_name }) => lv_name !== "pool"), ends: /pool.*is missing/ },
  { of: "thin snapshot", ends: ["thin", undefined] },
  { of: "snapshot", kind: "lvm", ends: /is a snapshot, and LVM makes no snapshot of that/ },
  { of: "other", ends: /LVM lists no volume that is/ },
];

test("the snapshot that is chosen for a volume", () => {
  for (const { of, kind = "auto", size, rows = ROWS, ends } of CASES) {
    const plan = (): unknown[] => {
      const source = { file: "/dev/vg/disk", number: NUMBERS[of] ?? "" };
      const chosen = planVolume(rows, source, { snapshot: kind, snapshotSize: size });
      return [chosen.kind, chosen.size];
    };
    if (ends instanceof RegExp) assert.throws(plan, ends, `${kind} of ${of}`);
    else assert.deepEqual(plan(), ends, `${kind} of ${of}`);
  }
});

test("a report that is not whole is refused", () => {
  for (const [text, says] of [
    ["", /JSON/],
    ["[]", /not one report/],
    ['{"report": []}', /not one report/],
    ['{"report": [{}]}', /no list/],
    [REPORT.replace('"pool_lv":"pool"', '"pool_lv":null'), /field pool_lv/],
    [REPORT.replaceAll('"lv_tags":"", ', ""), /field lv_tags/],
    [REPORT.slice(0, -20), /JSON/],
  ] as const)
    assert.throws(() => parseRows(text, FIELDS), says);
});

test("a snapshot that the kernel has given up", () => {
  assert.deepEqual(
    ROWS.filter(isInvalid).map(({ lv_name }) => lv_name),
    ["snapshot-that-is-full"],
  );
});

test("only a snapshot whose owner has surely ended is abandoned", () => {
  const own = ownTag() ?? "";
  const [, host = "", machine = "", boot = "", namespace = "", pid = "", started = ""] =
    /^blockcopy\.snapshot=(.*):(.*):(.*):(.*):(.*):(.*)$/.exec(own) ?? [];
  assert.equal(host, hostname());
  const file = "/etc/machine-id";
  const identifier = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  assert.equal(machine, identifier || "none");
  assert.equal(boot, readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  assert.equal(readlinkSync("/proc/self/ns/pid"), `pid:[${namespace}]`);
  assert.equal(Number(pid), process.pid);
  const tag = (...parts: string[]): string => `blockcopy.snapshot=${parts.join(":")}`;
  const other = "00000000-0000-4000-8000-000000000000";
  for (const [tags, abandoned] of [
    [[own], false],
    [[], false],
    [["backup", own], false],
    [[tag(host, machine, boot, namespace, pid, `${started}1`)], true],
    [["backup", tag(host, machine, boot, namespace, "4194305", started)], true],
    [[tag(host, machine, other, namespace, pid, started)], true],
    // Hosts may share disks, and containers have processes of their own.
    [[tag(`${host}x`, machine, other, namespace, pid, started)], false],
    [[tag(host, "0".repeat(32), other, namespace, pid, started)], false],
    [[tag(host, machine, boot, `${namespace}1`, pid, `${started}1`)], false],
    [[tag(host, machine, boot, namespace, pid)], false],
    [["blockcopy.snapshot="], false],
    [["snapshot"], false],
  ] as const)
    assert.equal(isAbandoned(tags), abandoned, tags.join());
});

test("what a killed run has left of a snapshot, and nothing else, is removed", () => {
  const [origin] = ROWS;
  assert.ok(origin);
  const half = {
    ...origin,
    lv_name: "lvm-blockcopy-20260131T020000Z-4711",
    lv_role: "public",
    lv_tags: `${ownTag() ?? ""}1`,
  };
  for (const [what, change, isRemoved] of [
    ["a snapshot", { origin: "lvm", lv_role: "public,snapshot,thicksnapshot" }, true],
    ["the volume that an lvcreate was about to make a snapshot", {}, true],
    ["that of a run that goes on", { lv_tags: ownTag() ?? "" }, false],
    ["one without a tag", { lv_tags: "" }, false],
    ["one of another volume", { lv_name: "lvm2-blockcopy-20260131T020000Z-4711" }, false],
    ["one that was renamed", { lv_name: "lvm-of-january" }, false],
    ["one of another group", { vg_name: "vg2" }, false],
    ["an origin", { lv_role: "public,origin,thickorigin" }, false],
    ["a mirror", { lv_layout: "raid,raid1" }, false],
    ["a thin snapshot whose origin was removed", { pool_lv: "pool", lv_layout: "thin" }, false],
  ] as const)
    assert.equal(isAbandonedSnapshot({ ...half, ...change }, origin), isRemoved, what);
});

/** Returns the tag of a process, or if it takes that of another one for abandoned, as seen by a process that `command` starts. */
function ownersSeen(command: string, tag = ""): string {
  const call = tag === "" ? "ownTag()" : `isAbandoned(["${tag}"])`;
  const code = `import * as owner from "${PROJECT}/src/snapshots/lvm/owner.ts"; console.log(owner.${call});`;
  const node = [process.execPath, "--import", "tsx", "--input-type=module", "-e", code];
  return execFileSync("sh", ["-c", `${command} "$@"`, "sh", ...node], {
    cwd: PROJECT,
    encoding: "utf8",
  }).trim();
}

test(
  "a /proc that hides processes, or has others, does not say that one has ended",
  { skip: lackingRoot("unshare", "setpriv", "mount") },
  () => {
    const without = "setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace";
    const hiding = `unshare --mount sh -c 'mount -t proc -o hidepid=4 proc /proc && exec ${without} "$@"' sh`;
    assert.equal(ownersSeen(hiding, ownTag()), "false");
    assert.equal(ownersSeen("unshare --pid --fork"), "undefined");
  },
);

test("a name says what it is, and fits", () => {
  const made = { now: new Date("2026-01-31T02:00:00.123Z"), pid: 4711 };
  const name = (group: string, volume: string): string => snapshotName({ group, volume }, made);
  assert.equal(name("vg", "disk"), "disk-blockcopy-20260131T020000Z-4711");
  for (const volume of ["a".repeat(124), "-".repeat(124), "a-".repeat(60)]) {
    assert.ok(isSnapshotName(name("vg", volume), { group: "vg", volume }));
    const device = `vg-${name("vg", volume).replaceAll("-", "--")}-cow`;
    assert.ok(device.length <= 127 && device.length > 120, device);
  }
});
