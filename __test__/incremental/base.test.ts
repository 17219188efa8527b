// Decides if the base of the last copy can be used, from a report of LVM and a record. The guest makes such copies.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chooseBase,
  reasonWithoutRecord,
  type Situation,
} from "../../src/incremental/choose-base.ts";
import { wasWritten } from "../../src/protocol/destination-state.ts";
import { parseHeldRoot } from "../../src/incremental/metadata-snapshot.ts";
import { type BaseRecord, EVERYTHING } from "../../src/incremental/record.ts";
import { versionFault } from "../../src/incremental/thin-delta-version.ts";
import { IDENTIFYING_FIELDS, type IdentifiedRow } from "../../src/snapshots/lvm/report.ts";

const EMPTY = Object.fromEntries(IDENTIFYING_FIELDS.map((name) => [name, ""])) as IdentifiedRow;
const row = (fields: Partial<IdentifiedRow>): IdentifiedRow => ({
  ...EMPTY,
  vg_name: "vg",
  vg_uuid: "group",
  ...fields,
});
const VOLUME = { pool_lv: "pool", lv_size: "33554432" } as const;
const origin = row({ ...VOLUME, lv_name: "disk", lv_uuid: "origin", thin_id: "1", lv_attr: "Vwi" });
const pool = row({
  lv_name: "pool",
  lv_uuid: "pool-uuid",
  transaction_id: "9",
  chunk_size: "65536",
});
const base = row({
  ...VOLUME,
  lv_name: "old",
  lv_uuid: "base",
  thin_id: "7",
  lv_attr: "Vri",
  lv_tags: "other,blockcopy.base=nightly",
  origin: "disk",
});
const destination = {
  host: "dest",
  path: "/dev/vg/copy",
  identity: "device dm LVM-1",
  size: 33554432,
  state: "device boot 253:3 17 1000 0",
};
const record: BaseRecord = {
  facts: {
    at: "2026-01-31T02:00:00.000Z",
    volume: { group: "group", uuid: "origin", thinId: "1", size: 33554432 },
    pool: { uuid: "pool-uuid", chunk: 65536, transaction: 8 },
    base: { uuid: "base", thinId: "7" },
    destination,
  },
  pending: [],
};
const SITUATION: Situation = {
  record,
  rows: [origin, pool, base],
  origin,
  destination,
  tag: "blockcopy.base=nightly",
};

/** Changes a row of the report. */
const change = (changed: IdentifiedRow, fields: Partial<IdentifiedRow>): Partial<Situation> => ({
  rows: SITUATION.rows.map((each) => (each === changed ? { ...each, ...fields } : each)),
  ...(changed === origin && { origin: { ...origin, ...fields } }),
});
const other = (fields: Partial<typeof destination>): Partial<Situation> => ({
  destination: { ...destination, ...fields },
});
const written = { state: "device boot 253:3 17 1008 0" };

test("whatever does not fit is a reason to compare everything", () => {
  const cases: readonly (readonly [Partial<Situation>, RegExp | "base"])[] = [
    [{}, "base"],
    [change(pool, { transaction_id: "12" }), "base"],
    [{ rows: [origin, pool] }, /snapshot of the last copy is gone/],
    [change(origin, { lv_uuid: "new" }), /vg\/disk is not the volume that was copied last/],
    [change(origin, { vg_uuid: "new" }), /volume group vg is another one/],
    [change(origin, { thin_id: "8" }), /vg\/disk was replaced or rolled back/],
    [change(origin, { lv_size: "1048576" }), /vg\/disk has another size/],
    [change(origin, { pool_lv: "other" }), /pool of vg\/disk is not listed/],
    [change(pool, { lv_uuid: "new" }), /another thin pool/],
    [change(pool, { chunk_size: "131072" }), /another chunk size/],
    [change(pool, { transaction_id: "7" }), /metadata of the thin pool are older/],
    [change(pool, { transaction_id: "" }), /metadata of the thin pool are older/],
    [change(base, { thin_id: "8" }), /snapshot vg\/old was replaced/],
    [change(base, { pool_lv: "other" }), /snapshot vg\/old is in another thin pool/],
    [change(base, { lv_tags: "blockcopy.base=weekly" }), /vg\/old has lost its tag/],
    [change(base, { lv_attr: "Vwi" }), /snapshot vg\/old is writable/],
    [change(base, { lv_attr: "VRi" }), /snapshot vg\/old is writable/],
    [change(base, { lv_size: "1048576" }), /snapshot vg\/old has another size/],
    [other({ host: "third" }), /the last copy went to \/dev\/vg\/copy on dest/],
    [other({ path: "/dev/vg/two" }), /the last copy went to \/dev\/vg\/copy on dest/],
    [other({ identity: "device dm LVM-2" }), /another file or device than last time/],
    [{ destination: { ...destination, identity: null } }, /no permanent identifier/],
    [other({ size: 1 }), /another size than before/],
    [other(written), /something else has written to \/dev\/vg\/copy/],
    // A copy that did not end well has written to it as well, in ranges that are known.
    [{ ...other(written), record: { ...record, pending: [{ start: 0, end: 1 }] } }, "base"],
    [other({ state: "device boot 253:3 18 1008 0" }), "base"],
    [other({ state: "device reboot 253:3 17 8 0" }), "base"],
  ];
  for (const [changes, expected] of cases) {
    const choice = chooseBase({ ...SITUATION, ...changes });
    const text = "base" in choice ? "base" : choice.reason;
    assert.match(text, expected === "base" ? /^base$/ : expected, JSON.stringify(changes));
  }
  assert.equal(EVERYTHING.start, 0);
});

test("what the time of the last change of a file tells", () => {
  const state = "file uuid:1 5 100.500000000";
  const facts = { ...record.facts, destination: { ...destination, state } };
  const unfinished = [{ start: 0, end: 1 }];
  for (const [time, pending, expected] of [
    ["100.500000000", [], /^base$/],
    ["100.500000001", [], /written to .*, or has changed its mode, owner or names$/],
    ["99.900000000", [], /rolled back or restored/],
    // A copy that did not end well has written in known ranges. A file that was rolled back lacks more.
    ["100.500000001", unfinished, /^base$/],
    ["100.499999999", unfinished, /rolled back or restored/],
    ["99.900000000", unfinished, /rolled back or restored/],
  ] as const) {
    const now = other({ state: `file uuid:1 5 ${time}` });
    const choice = chooseBase({ ...SITUATION, ...now, record: { facts, pending } });
    assert.match("reason" in choice ? choice.reason : "base", expected, time);
  }
});

test("a base without a record is a reason for an alarm, and a first copy is not", () => {
  const cases: readonly (readonly [Partial<Situation>, RegExp])[] = [
    [{}, /no record of the last copy in \S+, although its snapshot vg\/old exists; keep/],
    [{ rows: [origin, pool] }, /^this is the first copy with this name$/],
    [change(base, { origin: "other" }), /first copy/],
    [change(base, { lv_tags: "blockcopy.base=weekly" }), /first copy/],
  ];
  for (const [changes, expected] of cases) {
    const reason = reasonWithoutRecord({ ...SITUATION, ...changes });
    assert.match(reason, expected, JSON.stringify(changes));
  }
});

test("a change of the state of a destination, where the two can be compared", () => {
  const cases: readonly (readonly [string | null, string | null, boolean])[] = [
    ["file uuid:1 5 100.5", "file uuid:1 5 100.5", false],
    ["file uuid:1 5 100.5", "file uuid:1 5 100.6", true],
    ["file uuid:1 5 100.5", null, false],
    [null, "file uuid:1 5 100.5", false],
    ["device b 8:0 3 10 0", "device b 8:0 3 10 0", false],
    ["device b 8:0 3 10 0", "device b 8:0 3 10 8", true],
    ["device b 8:0 3 10 0", "device b 8:0 4 11 0", false],
    ["device b 8:0 - 10 0", "device b 8:0 - 12 0", true],
    ["device b 8:0 - 10 0", "device b 8:0 - 2 0", false],
    ["device b 8:0 - 10 -", "device b 8:0 - 10 -", false],
    ["device b 8:0 3 10 0", "file uuid:1 5 100.5", false],
  ];
  for (const [before, now, changed] of cases) {
    assert.equal(wasWritten(before, now), changed, `${before}, ${now}`);
  }
});

test("the metadata snapshot in the state of a pool", () => {
  const line = (root: string): string =>
    `0 98304 thin-pool 3 15/512 320/768 ${root} rw discard_passdown error_if_no_space - 1024 \n`;
  assert.equal(parseHeldRoot(line("-")), "-");
  assert.equal(parseHeldRoot(line("44")), "44");
  for (const text of ["", "0 98304 thin-pool Fail\n", "0 98304 linear\n", line("4x")]) {
    assert.equal(parseHeldRoot(text), undefined, text);
  }
});

test("a thin_delta that leaves out changed blocks is not relied on", () => {
  for (const text of ["0.7.0\n", "0.9.0\n", "thin_delta 1.0.6\n", "1.0.12\n", "1.3.3", "2.0\n"]) {
    assert.equal(versionFault(text), undefined, text);
  }
  for (const version of ["0.6.3", "1.0.0", "1.0.4", "1.0.5", "1.0"]) {
    const fault = versionFault(`thin_delta ${version}\n`) ?? "";
    assert.match(fault, /^thin_delta \S+ cannot be relied on; install .* 1\.0\.6 or later$/);
  }
  assert.match(versionFault("thin_delta 1.0.4-3.fc38\n") ?? "", /1\.0\.4 cannot be relied on/);
  for (const text of ["", "thin_delta\n", "unknown option --version\n", "1", "x1.0.6"]) {
    assert.equal(versionFault(text), "thin_delta does not tell its version", text);
  }
});
