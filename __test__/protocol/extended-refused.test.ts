// Extended streams that the decoders refuse, with the error for each.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ProtocolErrorCode } from "../../src/protocol/error.ts";
import { assertRefused } from "../support/wire/read-legacy.ts";
import { descriptionFrame, field, u32, u64 } from "../support/wire/description-frames.ts";
import {
  blckFrame,
  decodeExtendedBlocks,
  rootFrame,
  sealedHello,
  sealedStream,
  whole,
  zeroFrame,
} from "../support/wire/extended.ts";
import { readBlocks, readHashes } from "../support/wire/read-extended.ts";
import { BLOCK_STREAM, HEAD, HELLO } from "../support/wire/sample-streams.ts";
import { dataFrame, DONE, hashFrame, hello, restFrame } from "../support/wire/frames.ts";

describe("values that cannot be", () => {
  const digest = Buffer.alloc(64);
  const named = [field(0x8010, "sha3-512"), field(0x8011, u32(4096))];
  const greet = (...more: Buffer[]): Buffer =>
    descriptionFrame("helo", [field(0x8001, "blake3"), field(0x8003, "raw"), ...more]);
  const head = (...more: Buffer[]): Buffer => descriptionFrame("head", [...named, ...more]);
  const blck = (fields: Partial<Parameters<typeof blckFrame>[0]>): Buffer =>
    Buffer.concat([
      HEAD,
      blckFrame({ position: 0, digest, payload: Buffer.alloc(4), ...fields }).bytes,
    ]);
  const zero = (position: number | bigint, length: number): Buffer =>
    Buffer.concat([HEAD, zeroFrame(position, length).bytes]);
  const root = (begin: Buffer, ...fields: Buffer[]): Buffer =>
    Buffer.concat([begin, descriptionFrame("root", fields)]);
  const seal = [field(0x8001, u64(0)), field(0x8002, u32(0))];
  const at = HEAD.length;
  const far = u64(2 ** 53);

  const list: [ProtocolErrorCode, Buffer, offset: number, words: string][] = [
    ["bad-hello", greet(field(0x8002, u32(4095))), 0, "field 2"],
    ["bad-hello", greet(field(0x8002, u32(2 ** 25))), 0, "field 2"],
    ["bad-hello", greet(field(0x8002, u64(4096))), 0, "field 2"],
    ["bad-hello", greet(field(0x8003, "xz")), 0, "field 3 twice"],
    ["bad-hello", greet(field(4, far)), 0, "field 4"],
    ["bad-hello", greet(field(4, u32(1))), 0, "field 4"],
    ["bad-hello", greet(field(5, "new\nline")), 0, "field 5"],
    ["bad-hello", greet(field(5, "\x7f")), 0, "field 5"],
    ["bad-hello", greet(field(5, "x".repeat(1025))), 0, "field 5"],
    ["bad-hello", greet(field(8, "boot\x1b[2J")), 0, "field 8"],
    ["bad-hello", greet(field(8, "x".repeat(2501))), 0, "field 8"],
    ["bad-hello", greet(field(6, Buffer.alloc(63))), 0, "field 6"],
    ["bad-hello", greet(field(9, far)), 0, "field 9"],
    ["bad-hello", greet(field(9, u32(1))), 0, "field 9"],
    ["bad-hello", greet(field(10, "\0")), 0, "field 10"],
    ["bad-hello", greet(field(0x800b, "\0")), 0, "field 11"],
    ["bad-hello", greet(field(12, "boot\x1b[2J")), 0, "field 12"],
    ["bad-hello", greet(field(12, "x".repeat(257))), 0, "field 12"],
    ["unsupported", greet(field(0x8004, u64(1))), 0, "needs field 4"],
    ["damaged", descriptionFrame("head", [field(0x8011, u32(4096))]), 0, "lacks the digest"],
    ["damaged", descriptionFrame("head", [field(0x8010, "blake3")]), 0, "lacks the digest"],
    ["damaged", head(field(0x8010, "blake3")), 0, "field 16 twice"],
    ["damaged", head(field(0x8012, Buffer.alloc(71))), 0, "field 18"],
    ["damaged", head(field(0x8012, Buffer.concat([far, Buffer.alloc(64)]))), 0, "field 18"],
    ["damaged", head(field(0x13, far)), 0, "field 19"],
    ["damaged", head(field(0x13, "")), 0, "field 19"],
    ["damaged", head(field(3, u32(0o10000))), 0, "field 3"],
    ["damaged", head(field(1, "", 9)), 0, "reaches beyond its end"],
    ["unsupported", head(field(0x8013, "")), 0, "needs field 19"],
    ["unsupported", descriptionFrame("head", [field(0x8010, "sha4")]), 0, "digest `sha4` is"],
    ["unsupported", descriptionFrame("head", named, [2, 0]), 0, "is of version 2.0"],
    ["damaged", Buffer.concat([Buffer.from("head"), u32(5)]), 0, "length 5 in a `head` frame"],
    ["damaged", Buffer.concat([HEAD, Buffer.from("root"), u32(4085)]), at, "length 4085"],
    ["bad-length", blck({ block: 0 }), at, "length 0"],
    ["bad-length", blck({ block: 2 ** 24 + 1 }), at, "length 16777217"],
    ["bad-length", blck({ codec: 1, length: 0 }), at, "a payload of 0 bytes"],
    ["bad-length", blck({ codec: 1, block: 3 }), at, "a payload of 4 bytes for a block of 3"],
    ["bad-length", blck({ block: 5 }), at, "a payload of 4 bytes for a block of 5"],
    ["bad-position", blck({ position: 2n ** 64n - 1n }), at, "position"],
    ["bad-position", blck({ position: 2 ** 53 - 4 }), at, "end"],
    ["unsupported", blck({ codec: 4 }), at, "codec 4"],
    ["unsupported", blck({ codec: 255, length: 0 }), at, "codec 255"],
    ["bad-length", zero(0, 0), at, "length 0"],
    ["bad-length", zero(0, 2 ** 32 - 1), at, "length 4294967295"],
    ["bad-position", zero(2 ** 53 - 1, 1), at, "end"],
    ["damaged", root(HEAD), at, "0 frames arrived, not as many as written"],
    ["damaged", root(HEAD, field(0x8001, u64(1)), field(0x8002, u32(0))), at, "not 1"],
    ["damaged", root(HEAD, field(0x8001, u64(0))), at, "not those that were written"],
    ["damaged", root(HEAD, field(0x8001, u64(0)), field(0x8002, u32(1))), at, "not those"],
    ["damaged", root(HEAD, ...seal, field(3, Buffer.alloc(68))), at, "field 3"],
    ["unsupported", root(HEAD, ...seal, field(0x8003, "")), at, "needs field 3"],
    ["damaged", root(HELLO, field(0x8001, far), field(0x8002, u32(0))), HELLO.length, "field 1"],
    ["unsupported", root(HELLO, ...seal, field(0x9000, "")), HELLO.length, "needs field 4096"],
  ];
  for (const [code, bytes, offset, words] of list)
    test(`${words}: ${bytes.subarray(offset, offset + 40).toString()}`, () => {
      const read = bytes.toString("latin1", 0, 4) === "helo" ? readHashes : readBlocks;
      assertRefused(() => read([bytes]), code, offset, words);
      assertRefused(
        () => read(Array.from(bytes, (byte) => Uint8Array.of(byte))),
        code,
        offset,
        words,
      );
    });
});

describe("a frame beyond the end in the hello", () => {
  const block = hashFrame(0, 4096, Buffer.alloc(64));
  for (const [end, frames, damagedAt] of [
    [2 ** 53 - 1, [block, restFrame(4096)], undefined],
    [undefined, [block, restFrame(4096)], undefined],
    [4096, [block], undefined],
    [4095, [block], 0],
    [4096, [block, restFrame(4096)], 1],
    [2 ** 53 - 2, [restFrame(0)], 0],
  ] as const)
    test(`${frames.length} frames, up to ${end}`, () => {
      const greeting = sealedHello(end === undefined ? {} : { end });
      const stream = sealedStream(greeting, frames.map(whole));
      if (damagedAt === undefined) {
        const read = readHashes([stream]);
        assert.equal(read.frames.length, frames.length);
        assert.equal(read.hello?.end, end);
        return;
      }
      const offset = Buffer.concat([greeting, ...frames.slice(0, damagedAt)]).length;
      assertRefused(() => readHashes([stream]), "damaged", offset, `beyond offset ${end},`);
    });
});

describe("a frame where it does not belong", () => {
  const old = dataFrame(0, Buffer.from("old"));
  const end = rootFrame([]);
  const cases: [ProtocolErrorCode, typeof readHashes | typeof readBlocks, Buffer[], at: number][] =
    [
      ["unknown-command", readHashes, [HELLO, Buffer.from("hash")], 1],
      ["unknown-command", readHashes, [hello("blake3"), end], 1],
      ["unknown-command", readHashes, [end], 0],
      ["unknown-command", readHashes, [HELLO, end, end], 2],
      ["unknown-command", readHashes, [HELLO, end, restFrame(0)], 2],
      ["bad-hello", readHashes, [HELLO, HELLO], 1],
      ["damaged", readHashes, [HELLO, DONE], 1],
      ["other-stream", readHashes, [HELLO, zeroFrame(0, 1).bytes], 1],
      ["other-stream", readHashes, [HEAD], 0],
      ["unknown-command", readBlocks, [HEAD, HEAD], 1],
      ["unknown-command", readBlocks, [old, HEAD], 1],
      ["unknown-command", readBlocks, [HEAD, old], 1],
      ["unknown-command", readBlocks, [HEAD, Buffer.from("dlzm")], 1],
      ["unknown-command", readBlocks, [HEAD, end, zeroFrame(0, 1).bytes], 2],
      ["unknown-command", readBlocks, [HEAD, end, end], 2],
      ["unknown-command", readBlocks, [end], 0],
      ["unknown-command", readBlocks, [zeroFrame(0, 1).bytes], 0],
      ["unknown-command", readBlocks, [Buffer.from("blck")], 0],
      ["damaged", readBlocks, [HEAD, DONE], 1],
      ["other-stream", readBlocks, [HEAD, restFrame(0)], 1],
    ];
  for (const [code, read, parts, index] of cases)
    test(parts.map((part) => part.toString("latin1", 0, 4)).join(", "), () => {
      const offset = Buffer.concat(parts.slice(0, index)).length;
      assertRefused(() => read([Buffer.concat(parts)]), code, offset, "");
    });

  test("a stream without a hello or a head may have none of it, and needs no root", () => {
    assert.equal(readBlocks([Buffer.concat([old, old, DONE])]).frames.length, 2);
    assert.equal(
      readHashes([Buffer.concat([hello("blake3"), restFrame(9), restFrame(0), DONE])]).frames
        .length,
      2,
    );
  });
});

test("nothing after `done` is looked at", () => {
  for (const after of [HEAD, Buffer.from("noise"), Buffer.alloc(100, 0xff)]) {
    const { frames } = readBlocks([Buffer.concat([BLOCK_STREAM, after])]);
    assert.equal(frames.length, decodeExtendedBlocks(BLOCK_STREAM).frames.length);
  }
});
