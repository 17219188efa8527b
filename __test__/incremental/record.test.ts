// The record of a base: what is written is read again, and anything else is refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type BaseRecord, decodeRecord, encodeRecord } from "../../src/incremental/record.ts";
import { union } from "../../src/ranges/extents.ts";
import { mulberry32 } from "../support/mulberry32.ts";

const RECORD: BaseRecord = {
  facts: {
    at: "2026-01-31T02:00:00.000Z",
    volume: { group: "9YlJ0s-d", uuid: "x-y", thinId: "1", size: 33554432 },
    pool: { uuid: "a-b", chunk: 65536, transaction: 8 },
    base: { uuid: "c-d", thinId: "7" },
    destination: {
      host: "root@dest",
      path: "/srv/\ud800copy é\n",
      identity: "device dm LVM-1",
      size: 33554432,
      state: null,
    },
  },
  pending: [
    { start: 0, end: 65536 },
    { start: 131072, end: Number.MAX_SAFE_INTEGER },
  ],
};
const bytes = (): Buffer => Buffer.concat(encodeRecord(RECORD));

test("a record is read as it was written", () => {
  const { facts, pending } = decodeRecord(bytes());
  assert.deepEqual({ facts, pending: [...pending] }, RECORD);
});

test("a record that is damaged or cut off anywhere is refused", () => {
  const whole = bytes();
  for (let length = 0; length < whole.length; length += 1) {
    assert.throws(() => decodeRecord(whole.subarray(0, length)), `${length} bytes`);
  }
  assert.throws(() => decodeRecord(Buffer.concat([whole, Buffer.from([0])])));
  // Anything in the list, which has a checksum.
  for (let at = whole.indexOf(0x0a) + 1; at < whole.length; at += 1) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    assert.throws(() => decodeRecord(damaged), `byte ${at}`);
  }
});

test("a record that says something else is refused", () => {
  const changed = (from: string, to: string): Buffer =>
    Buffer.from(bytes().toString("latin1").replace(from, to), "latin1");
  for (const [from, to] of [
    ['"version":1', '"version":2'],
    ['"size":33554432', '"size":-1'],
    ['"size":33554432', '"size":1e400'],
    ['"uuid":"c-d"', '"uuid":"c d"'],
    ['"thinId":"7"', '"thinId":7'],
    ['"base":', '"bass":'],
    ['"state":null', '"state":null,"more":1'],
    ["{", "["],
  ] as const) {
    assert.throws(() => decodeRecord(changed(from, to)), `${from} ${to}`);
  }
});

test("the union of two lists has the bytes of both, and no others", () => {
  const next = mulberry32(19);
  const below = (most: number): number => Math.floor(next() * most);
  for (let round = 0; round < 200; round += 1) {
    const lists = [1, 2].map(() =>
      Array.from({ length: below(6) }, () => {
        const start = below(50);
        return { start, end: start + below(10) };
      }),
    );
    const [one = [], other = []] = lists;
    const has = (list: Iterable<{ start: number; end: number }>, at: number): boolean =>
      [...list].some(({ start, end }) => start <= at && at < end);
    const merged = [...union(one, other)];
    for (let at = 0; at < 64; at += 1) {
      assert.equal(has(merged, at), has(lists.flat(), at), JSON.stringify(lists));
    }
    merged.slice(1).forEach(({ start }, index) => assert.ok(start > (merged[index]?.end ?? 0)));
  }
});
