// The list of ranges before a block stream: what is written is read, and what is damaged or out of bounds is refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_FRAME_LENGTH, MAX_POSITION, isBlockSize } from "../../src/protocol/limits.ts";
import {
  encodeRangeList,
  LIST_END_LENGTH,
  LIST_HEADER_LENGTH,
  MAX_EXTENTS,
  RANGE_LENGTH,
  RangeListDecoder,
  rangeListEnded,
} from "../../src/protocol/range-list.ts";
import { recognise } from "../../src/protocol/recognise.ts";
import { crc32 } from "../support/wire/crc32.ts";
import { assertRefused } from "../support/wire/read-legacy.ts";

/** Decodes a list, its extents in pieces of this many bytes. */
function decode(list: Uint8Array, piece = RANGE_LENGTH): { start: number; end: number }[] {
  const decoder = new RangeListDecoder(list.subarray(0, LIST_HEADER_LENGTH));
  const after = LIST_HEADER_LENGTH + decoder.count * RANGE_LENGTH;
  const extents = [];
  for (let at = LIST_HEADER_LENGTH; at < after; at += piece)
    extents.push(...decoder.extents(list.subarray(at, Math.min(at + piece, after))));
  decoder.end(list.subarray(after));
  return extents;
}

/** A list with any numbers in it, and the right checksum. */
function listOf(
  name: string,
  count: number,
  extents: readonly (readonly [bigint, bigint])[],
): Buffer {
  const bytes = Buffer.alloc(LIST_HEADER_LENGTH + extents.length * RANGE_LENGTH + LIST_END_LENGTH);
  bytes.write(name, "latin1");
  bytes.writeUInt32BE(count, 4);
  for (const [index, [start, end]] of extents.entries()) {
    bytes.writeBigUInt64BE(start, LIST_HEADER_LENGTH + index * RANGE_LENGTH);
    bytes.writeBigUInt64BE(end, LIST_HEADER_LENGTH + index * RANGE_LENGTH + 8);
  }
  const end = bytes.length - LIST_END_LENGTH;
  bytes.writeUInt32BE(crc32(bytes.subarray(0, end)), end);
  return bytes;
}

test("a list of ranges is read as it was written, in pieces of any size", () => {
  for (const count of [0, 1, 2, 4095, 4096, 4097, 9000]) {
    const extents = Array.from({ length: count }, (_, index) => ({
      start: index * 8192,
      end: index * 8192 + (index % 4096) + 1,
    }));
    const list = Buffer.concat([...encodeRangeList(extents)]);
    const numbers = extents.map(({ start, end }) => [BigInt(start), BigInt(end)] as const);
    assert.deepEqual(list, listOf("rngs", count, numbers));
    for (const piece of [RANGE_LENGTH, 3 * RANGE_LENGTH, 65_536])
      assert.deepEqual(decode(list, piece), extents);
  }
});

test("ranges may be empty and end at the largest offset, and not after that", () => {
  const last = BigInt(MAX_POSITION);
  for (const [start, end] of [
    [0n, 0n],
    [5n, 5n],
    [0n, last],
    [last, last],
  ] as const)
    assert.deepEqual(decode(listOf("rngs", 1, [[start, end]])), [
      { start: Number(start), end: Number(end) },
    ]);
  for (const [start, end] of [
    [1n, 0n],
    [0n, last + 1n],
    [last + 1n, last + 1n],
    [2n ** 64n - 1n, 2n ** 64n - 1n],
  ] as const)
    assertListRefused(listOf("rngs", 1, [[start, end]]), "bad-position", `from ${start} to ${end}`);
});

test("a list with another name, with too many ranges, or with a changed byte is refused", () => {
  assertListRefused(listOf("rngz", 0, []), "unknown-command", "`rngs`");
  assert.equal(new RangeListDecoder(listOf("rngs", MAX_EXTENTS, [])).count, MAX_EXTENTS);
  assertListRefused(listOf("rngs", MAX_EXTENTS + 1, []), "bad-length", `more than ${MAX_EXTENTS}`);
  assert.equal(MAX_EXTENTS * RANGE_LENGTH, 64 * 2 ** 20);
  const extents = (length: number): { start: number; end: number }[] => ({ length }) as never;
  assert.throws(() => encodeRangeList(extents(MAX_EXTENTS + 1)).next(), RangeError);
  assert.equal(encodeRangeList(extents(MAX_EXTENTS)).next().value?.length, LIST_HEADER_LENGTH);
  const list = listOf("rngs", 2, [
    [0n, 2n ** 32n],
    [2n ** 33n, 2n ** 34n],
  ]);
  for (let at = LIST_HEADER_LENGTH; at < list.length; at++) {
    const changed = Buffer.from(list);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    assert.throws(() => decode(changed), { name: "ProtocolError" }, `byte ${at}`);
  }
  const { code, offset, message } = rangeListEnded(17);
  assert.deepEqual({ code, offset }, { code: "truncated-frame", offset: 0 });
  assert.match(message, /ended after 17 bytes/);
});

/** Asserts that a list is refused at its first byte. */
function assertListRefused(list: Buffer, code: string, words: string): void {
  assert.throws(
    () => decode(list),
    (error: Error & { code?: string; offset?: number }) =>
      error.code === code && error.offset === 0 && error.message.includes(words),
    words,
  );
}

test("the sizes that a block may have are the powers of two from 4 KiB to 16 MiB", () => {
  const sizes = Array.from({ length: 40 }, (_, exponent) => 2 ** exponent);
  const allowed = sizes.filter((size) => isBlockSize(size));
  assert.deepEqual([allowed[0], allowed.at(-1), allowed.length], [4096, MAX_FRAME_LENGTH, 13]);
  for (const size of [
    0,
    -4096,
    4095,
    4097,
    12_288,
    MAX_FRAME_LENGTH - 1,
    MAX_FRAME_LENGTH + 1,
    NaN,
  ])
    assert.equal(isBlockSize(size), false, `${size}`);
});

test("a stream is recognised by its first command", () => {
  for (const [command, stream] of [
    ["helo", "hash"],
    ["Hash", "hash"],
    ["rest", "hash"],
    ["head", "block"],
    ["data", "block"],
    ["done", "either"],
  ] as const)
    assert.equal(recognise(Buffer.from(`${command}????`)), stream);
  for (const command of ["root", "what", "rngs"])
    assertRefused(() => recognise(Buffer.from(command)), "unknown-command", 0, command);
});
