// Lists of ranges: in the formats of other tools, and in the form in which `sync` passes them on.
import assert from "node:assert/strict";
import { parseOffset } from "../../../src/commands/options/offset.ts";
import { UsageError } from "../../../src/errors/copy-error.ts";
import { ProtocolError } from "../../../src/protocol/error.ts";
import {
  encodeRangeList,
  LIST_HEADER_LENGTH,
  RANGE_LENGTH,
  RangeListDecoder,
} from "../../../src/protocol/range-list.ts";
import { cover, type Extent, type Extents } from "../../../src/ranges/extents.ts";
import { RangeMapParser } from "../../../src/ranges/parse-map.ts";
import { crc32 } from "../../support/wire/crc32.ts";
import { dirty, nbd, thinDelta } from "../../support/wire/range-maps.ts";
import { attempt, type Target } from "../target.ts";

const SIZE = 3_000_000;
const BLOCK = 4096;

/** The numbers of the blocks of a small file that extents touch. */
function touched(extents: readonly Extent[]): Set<number> {
  const blocks = new Set<number>();
  for (const { start, end } of extents)
    for (let block = Math.floor(start / BLOCK); block * BLOCK < Math.min(end, SIZE); block += 1)
      if (start < end) blocks.add(block);
  return blocks;
}

/** Parses a map that arrives in parts of `length` characters. */
function parse(name: string, text: string, length: number): Extents {
  const parser = new RangeMapParser(name, parseOffset);
  for (let at = 0; at < text.length; at += length) parser.feed(text.slice(at, at + length));
  return parser.end();
}

function assertSound(extents: Iterable<Extent>): void {
  for (const { start, end } of extents)
    assert.ok(
      Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end,
      `${start} to ${end}`,
    );
}

/** Range maps in the formats of other tools. */
export const rangeMap: Target = {
  name: "range_map",
  seeds: () =>
    [
      "# changed\n0 4096\n 1M\t64K \n\n4096 9007199254736895\n",
      thinDelta(
        '<different begin="0" length="3"/><same begin="3" length="1"/><left_only begin="9" length="1"/>',
      ),
      thinDelta(
        '<different><range begin="1" length="2" left_data_begin="5" right_data_begin="6"/></different>',
      ),
      nbd(dirty(0, 65536), [65536, 4096, 0, "clean"], dirty(131_072, 1)),
      nbd([0, 5, 3, "hole,zero"], [5, 5, 0, "data"], [10, 5, 1, "hole"]),
      nbd([0, 5, 2, "backing depth 2"], [5, 5, 1, "local"]),
      '[{ "start": 0, "length": 65536, "depth": 0, "present": true, "zero": false, "data": true, "offset": 0},\n{ "start": 65536, "length": 1, "depth": 1, "zero": true, "data": false}]\n',
      "[]",
    ].map((text) => Buffer.from(text)),
  words: [
    "superblock",
    "diff",
    "different",
    "left_only",
    "right_only",
    "same",
    "range",
    ' begin="1"',
    ' length="',
    "/>",
    "</",
    '"offset":',
    '"start":',
    '"length":',
    '"type":',
    '"description":',
    '"depth":',
    '"__proto__":',
    "dirty",
    "[[",
    "{}",
    "]",
    "1K",
    "0x10",
    "s",
  ],
  check(bytes) {
    const text = Buffer.from(bytes).toString("latin1");
    const whole = attempt(() => parse("the map", text, text.length), UsageError);
    const inParts = attempt(() => parse("the map", text, 7), UsageError);
    if (whole instanceof Error) {
      assert.match(whole.message, /^the map, line \d+: [ -~]*$/, "it goes to a terminal");
      assert.ok(inParts instanceof Error);
      assert.equal(inParts.message, whole.message);
      return;
    }
    const extents = [...whole];
    assert.deepEqual([...(inParts as Extents)], extents);
    assertSound(extents);
    const small = extents.filter(({ end }) => end <= 2 * SIZE);
    const covered = cover(small, SIZE, BLOCK);
    assertSound(covered.extents);
    assert.deepEqual(touched([...covered.extents]), touched(small));
    const ends = [...covered.extents].flatMap(({ start, end }) => [start, end]);
    assert.deepEqual(
      ends,
      ends.toSorted((a, b) => a - b),
      "not in order",
    );
    assert.equal(
      covered.openEnded,
      small.some(({ end }) => end > SIZE),
    );
    // The same as lines.
    const lines = extents.map(({ start, end }) => `${start} ${end - start}\n`).join("");
    assert.deepEqual([...parse("lines", `#\n${lines}`, 1000)], extents);
  },
};

/** The list of ranges before a block stream. */
export const rangeList: Target = {
  name: "range_list",
  seeds: () => {
    const list = [
      ...encodeRangeList([
        { start: 0, end: 4096 },
        { start: 8192, end: 2 ** 53 - 1 },
      ]),
    ];
    return [Buffer.concat(list), Buffer.concat([...encodeRangeList([])])];
  },
  words: ["rngs"],
  check(bytes) {
    const list = new Uint8Array(bytes);
    if (list.length < LIST_HEADER_LENGTH + 4) return;
    // The checksum is right when the last byte is odd.
    const end = list.length - 4;
    if ((list.at(-1) ?? 0) % 2 === 1)
      new DataView(list.buffer).setUint32(end, crc32(Buffer.from(list.subarray(0, end))));
    const decoded = attempt(() => {
      const decoder = new RangeListDecoder(list.subarray(0, LIST_HEADER_LENGTH));
      if (LIST_HEADER_LENGTH + decoder.count * RANGE_LENGTH !== end) return undefined;
      const extents = decoder.extents(list.subarray(LIST_HEADER_LENGTH, end));
      decoder.end(list.subarray(end));
      return extents;
    }, ProtocolError);
    if (decoded === undefined || decoded instanceof ProtocolError) return;
    assertSound(decoded);
    assert.deepEqual(Buffer.concat([...encodeRangeList(decoded)]), Buffer.from(list));
  },
};
