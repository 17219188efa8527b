// Extended streams that were changed on their way: all of it shows.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ProtocolError } from "../../src/protocol/error.ts";
import { encodeZeros } from "../../src/protocol/block-stream/record.ts";
import { Seal } from "../../src/protocol/seal.ts";
import { protocolErrorOf } from "../support/wire/read-legacy.ts";
import { blckFrame, rootFrame, type Sealed, zeroFrame } from "../support/wire/extended.ts";
import { plain, type ReadBlock, readBlocks, readHashes } from "../support/wire/read-extended.ts";
import {
  BLOCK_STREAM,
  BLOCKS,
  HASH_STREAM,
  HASHES,
  HEAD,
  HELLO,
  ROOT,
} from "../support/wire/sample-streams.ts";
import { DONE, hashFrame, restFrame, sha3 } from "../support/wire/frames.ts";

const STREAMS = [
  { name: "hash", read: readHashes, stream: HASH_STREAM, begin: HELLO, frames: HASHES },
  { name: "block", read: readBlocks, stream: BLOCK_STREAM, begin: HEAD, frames: BLOCKS },
] as const;

/** The frames of a stream, or the code of the error. */
function outcome(read: () => unknown): unknown {
  try {
    return plain(read());
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return error.code;
  }
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return copy;
}

test("each flipped bit of a hash stream is refused", () => {
  assert.equal(readHashes([HASH_STREAM]).frames.length, HASHES.length);
  for (let bit = 0; bit < HASH_STREAM.length * 8; bit++)
    protocolErrorOf(() => readHashes([flipped(HASH_STREAM, bit)]));
});

test("each flipped bit of a block stream is refused, or is one of a payload whose digest tells", () => {
  const original = readBlocks([BLOCK_STREAM]);
  /** True if a block can match its digest, as far as that can be told without decoding it. */
  const sound = ({ digest, payload, codec }: ReadBlock): boolean =>
    codec === "zeros" || sha3(payload).equals(Buffer.from(digest ?? []));
  assert.ok(original.frames.every(sound));
  let payloads = 0;
  for (let bit = 0; bit < BLOCK_STREAM.length * 8; bit++) {
    const read = outcome(() => readBlocks([flipped(BLOCK_STREAM, bit)]));
    if (typeof read === "string") continue;
    const { frames, ...rest } = read as typeof original;
    const { frames: expected, ...expectedRest } = original;
    assert.deepEqual(rest, expectedRest, `bit ${bit}`);
    assert.equal(frames.filter((frame) => !sound(frame)).length, 1, `bit ${bit}`);
    const headers = (list: readonly ReadBlock[]): unknown =>
      list.map((frame) => ({ ...frame, payload: undefined }));
    assert.deepEqual(headers(frames), headers(expected), `bit ${bit}`);
    payloads += 1;
  }
  const bits = original.frames.reduce((sum, { length }) => sum + length * 8, 0);
  assert.equal(payloads, bits);
});

for (const { name, read, stream, begin, frames } of STREAMS)
  describe(`a ${name} stream`, () => {
    /** The stream with other frames than those that its root counts. */
    const tampered = (others: readonly Sealed[]): Buffer =>
      Buffer.concat([begin, ...others.map(({ bytes }) => bytes), rootFrame(frames, ROOT), DONE]);
    const refused = (others: readonly Sealed[]): string =>
      protocolErrorOf(() => read([tampered(others)])).code;

    test("that is whole is read", () => {
      assert.deepEqual(tampered(frames), stream);
      assert.equal(read([stream]).frames.length, frames.length);
    });

    test("with a frame dropped", () => {
      for (const index of frames.keys())
        assert.equal(refused(frames.toSpliced(index, 1)), "damaged");
      assert.equal(refused([]), "damaged");
    });

    test("with a frame repeated", () => {
      for (const [index, frame] of frames.entries())
        for (let at = index + 1; at <= frames.length; at++)
          assert.equal(
            refused(frames.toSpliced(at, 0, frame)),
            "out-of-order",
            `${index} at ${at}`,
          );
    });

    test("with two frames swapped", () => {
      for (const [index, frame] of frames.entries())
        for (const [other, second] of frames.entries()) {
          if (other === index) continue;
          assert.equal(refused(frames.with(index, second).with(other, frame)), "out-of-order");
        }
    });

    test("with a frame in place of another", () => {
      for (const [index, frame] of frames.entries())
        for (const other of frames.keys())
          if (other !== index)
            assert.match(refused(frames.with(other, frame)), /^(out-of-order|damaged)$/);
    });

    test("cut off at every byte", () => {
      for (let length = 0; length < stream.length; length++) {
        const { code } = protocolErrorOf(() => read([stream.subarray(0, length)]));
        assert.match(code, /^(closed|truncated-command|truncated-frame)$/, `at ${length}`);
      }
    });

    test("with a byte lost or put in anywhere", () => {
      for (let at = 0; at < stream.length; at++) {
        const [before, after] = [stream.subarray(0, at), stream.subarray(at)];
        protocolErrorOf(() => read([before, after.subarray(1)]));
        for (const byte of [0, 0xff]) protocolErrorOf(() => read([before, Buffer.of(byte), after]));
      }
    });

    test("in two pieces or in single bytes is read as in one", () => {
      const expected = plain(read([stream]));
      for (let at = 0; at <= stream.length; at++)
        assert.deepEqual(plain(read([stream.subarray(0, at), stream.subarray(at)])), expected);
      const single = Array.from(stream, (byte) => Uint8Array.of(byte));
      assert.deepEqual(plain(read(single)), expected);
    });
  });

test("blocks and runs of zeros that overlap are refused", () => {
  const payload = Buffer.alloc(100, 1);
  const block = (position: number): Sealed =>
    blckFrame({ position, digest: sha3(payload), payload });
  const codeOf = (...frames: Sealed[]): string =>
    protocolErrorOf(() => readBlocks([HEAD, ...frames.map(({ bytes }) => bytes)])).code;
  for (const position of [0, 901, 1000, 1099]) {
    assert.equal(codeOf(block(1000), zeroFrame(position, 100)), "out-of-order", `${position}`);
    assert.equal(codeOf(zeroFrame(1000, 100), block(position)), "out-of-order", `${position}`);
  }
  assert.equal(codeOf(zeroFrame(1000, 100), block(1100), zeroFrame(1200, 1)), "closed");
});

test("a frame of the hash stream that reaches into the one before it, or lies after `rest`, is refused", () => {
  const hash = (position: number): Buffer => hashFrame(position, 100, Buffer.alloc(64));
  const codeOf = (...frames: Buffer[]): string =>
    protocolErrorOf(() => readHashes([HELLO, ...frames])).code;
  assert.equal(codeOf(hash(1000), hash(1099)), "out-of-order");
  assert.equal(codeOf(hash(1000), restFrame(1099)), "out-of-order");
  assert.equal(codeOf(restFrame(5), hash(1000)), "out-of-order");
  assert.equal(codeOf(restFrame(5), restFrame(5)), "out-of-order");
  assert.equal(codeOf(hash(1000), hash(1100), restFrame(1200)), "closed");
});

test("the seal tells a record from any other, not from one in 65536", () => {
  const roots = new Set<string>();
  for (let position = 0; position < 3000; position++) {
    const seal = new Seal();
    seal.addRecord(encodeZeros(position, 1));
    roots.add(Buffer.from(seal.encode(undefined)).toString("hex"));
  }
  assert.equal(roots.size, 3000);
});
