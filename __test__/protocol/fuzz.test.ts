import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BLOCK_HEADER_LENGTH, encodeBlockHeader } from "../../src/protocol/block-stream/frames.ts";
import { DIGEST_LENGTHS } from "../../src/protocol/digest.ts";
import { ProtocolError } from "../../src/protocol/error.ts";
import {
  encodeDone,
  encodeHashFrames,
  encodeMark,
  encodeRest,
} from "../../src/protocol/hash-stream/frames.ts";
import { MAX_FRAME_LENGTH, MAX_POSITION } from "../../src/protocol/limits.ts";
import {
  type Block,
  decodeBlockFrames,
  decodeHashFrames,
  deprecatedHash,
  type HashContent,
  readBlockStream,
  readHashStream,
  split,
} from "../support/wire/read-legacy.ts";
import { anyHello } from "../support/wire/any-hello.ts";
import { unequalHash } from "../support/wire/frames.ts";

/** Drops the prototype of what a decoder returns: strict comparison would look at it. */
const plainObject = { noNullPrototype: true } as const;

const digest = fc.uint8Array({
  minLength: DIGEST_LENGTHS["sha3-512"],
  maxLength: DIGEST_LENGTHS["sha3-512"],
});
const length = fc.integer({ min: 1, max: MAX_FRAME_LENGTH });
const position = fc.maxSafeNat().map((n) => Math.max(0, n - MAX_FRAME_LENGTH));

const hashFrame: fc.Arbitrary<HashContent> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("hash" as const),
      position: fc.option(position, { nil: undefined }),
      length,
      digest,
    },
    plainObject,
  ),
  fc.record(
    {
      kind: fc.constant("rest" as const),
      offset: fc.maxSafeNat(),
    },
    plainObject,
  ),
);

const block = fc.record(
  {
    command: fc.constantFrom("data" as const, "dlzm" as const),
    position,
    payload: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  },
  plainObject,
);

function encodeHash(frame: HashContent): Uint8Array {
  if (frame.kind === "rest") return encodeRest(frame.offset);
  if (frame.kind === "mark") return encodeMark(frame.offset);
  return frame.position === undefined
    ? deprecatedHash(frame.length, frame.digest)
    : encodeHashFrames(frame.position, frame.length, frame.length, frame.digest);
}

function encodeBlock({
  command,
  position: begin,
  payload,
}: Omit<Block, "streamOffset">): Uint8Array {
  const bytes = new Uint8Array(BLOCK_HEADER_LENGTH + payload.length);
  encodeBlockHeader(bytes, 0, command, begin, payload.length);
  bytes.set(payload, BLOCK_HEADER_LENGTH);
  return bytes;
}

const splits = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 });

test("hash frames come back as sent, however they are split", () => {
  fc.assert(
    fc.property(fc.array(hashFrame), splits, (frames, sizes) => {
      const bytes = Buffer.concat([...frames.map(encodeHash), encodeDone()]);
      const plain = (list: HashContent[]): unknown[] =>
        list.map((frame) =>
          frame.kind === "hash" ? { ...frame, digest: [...frame.digest] } : frame,
        );
      const expected = plain(frames);
      assert.deepEqual(plain(readHashStream([bytes])), expected);
      assert.deepEqual(plain(readHashStream(split(bytes, sizes))), expected);
    }),
  );
});

test("a range of blocks comes back as its extents and digests", () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      fc.nat({ max: 40 }),
      length,
      fc.nat(),
      (anywhere, count, blockSize, tail) => {
        const total = count === 0 ? 0 : count * blockSize - (tail % blockSize);
        const begin = Math.min(anywhere, MAX_POSITION - total);
        const digests = new Uint8Array(count * DIGEST_LENGTHS["sha3-512"]).map(
          (_, i) => i / DIGEST_LENGTHS["sha3-512"],
        );
        const frames = readHashStream([
          encodeHashFrames(begin, total, blockSize, digests),
          encodeDone(),
        ]);
        assert.equal(frames.length, count);
        let at = begin;
        for (const [i, frame] of frames.entries()) {
          assert.ok(frame.kind === "hash");
          assert.equal(frame.position, at);
          if (i < count - 1) assert.equal(frame.length, blockSize);
          assert.ok(frame.digest.every((byte) => byte === i));
          at += frame.length;
        }
        assert.equal(at, begin + total);
      },
    ),
  );
});

test("block frames come back as sent, however they are split", () => {
  fc.assert(
    fc.property(fc.array(block), splits, (blocks, sizes) => {
      const encoded = blocks.map(encodeBlock);
      const bytes = Buffer.concat([...encoded, encodeDone()]);
      let streamOffset = 0;
      const expected = blocks.map(({ payload, ...rest }, i) => {
        const sent = { ...rest, streamOffset, payload: [...payload] };
        streamOffset += encoded[i]?.length ?? 0;
        return sent;
      });
      for (const chunks of [[bytes], split(bytes, sizes)])
        assert.deepEqual(
          readBlockStream(chunks).map(({ payload, ...rest }) => ({
            ...rest,
            payload: [...payload],
          })),
          expected,
        );
    }),
  );
});

/** Most bytes of a hello, or of a root, that a decoder waits for. */
const MAX_DESCRIPTION_LENGTH = 8 + 4084;

/** Bytes that go some way into the decoders: a hello at times, commands, numbers near their limits, noise. */
const hostile = fc
  .tuple(
    fc.oneof(fc.constant(Buffer.alloc(0)), anyHello),
    fc.array(
      fc.oneof(
        fc
          .constantFrom("helo", "Hash", "hash", "rest", "root", "data", "dlzm", "done", "dat")
          .map((text): Uint8Array => Buffer.from(text)),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((n): Uint8Array => {
          const bytes = Buffer.alloc(8);
          bytes.writeBigUInt64BE(n);
          return bytes;
        }),
        fc.nat({ max: 5 }).map((n): Uint8Array => Buffer.of(0, 0, 0, n)),
        fc.nat({ max: 80 }).map((n): Uint8Array => Buffer.alloc(n)),
        hashFrame.map(encodeHash),
        fc.constant(unequalHash(7, 9, DIGEST_LENGTHS.blake3)),
        anyHello,
        block.map(encodeBlock),
        fc.uint8Array({ maxLength: 100 }),
      ),
    ),
  )
  .map(([first, parts]): Uint8Array => Buffer.concat([first, ...parts]));

/** The result of `decode`, or the ProtocolError it throws; anything else it throws is a failure. */
function attempt<T>(decode: () => T): T | ProtocolError {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
}

test("any bytes as a hash stream: frames within them, or a ProtocolError within them", () => {
  fc.assert(
    fc.property(hostile, fc.oneof(fc.constant(0), fc.nat()), (bytes, streamOffset) => {
      const result = attempt(() => decodeHashFrames(bytes, streamOffset));
      if (result instanceof ProtocolError) {
        assert.ok(result.offset >= streamOffset, "offset too small");
        assert.ok(result.offset <= streamOffset + bytes.length - 4, "offset too large");
        return;
      }
      assert.ok(result.consumed <= bytes.length, "consumed too much");
      assert.ok(result.frames.length * 12 <= result.consumed, "too many frames");
      // Less than one frame is held back for more bytes.
      const digestLength = DIGEST_LENGTHS[result.hello.digest];
      const held = Buffer.from(bytes).toString("latin1", result.consumed, result.consumed + 4);
      const longest = ["helo", "root"].includes(held) ? MAX_DESCRIPTION_LENGTH : 16 + digestLength;
      if (!result.done) assert.ok(bytes.length - result.consumed < longest, "held back too much");
      for (const frame of result.frames) {
        if (frame.kind !== "hash") continue;
        assert.equal(frame.digest.buffer, bytes.buffer);
        assert.equal(frame.digest.length, digestLength);
        assert.ok(frame.length >= 1 && frame.length <= MAX_FRAME_LENGTH, "length");
      }
    }),
    { numRuns: 2000 },
  );
});

test("any bytes as a block stream: payloads within them, or a ProtocolError within them", () => {
  fc.assert(
    fc.property(hostile, fc.nat(), fc.nat(), (bytes, streamOffset, skip) => {
      const start = skip % (bytes.length + 1);
      const end = bytes.length;
      const result = attempt(() => decodeBlockFrames(bytes, start, end, streamOffset));
      if (result instanceof ProtocolError) {
        assert.ok(result.offset >= streamOffset, "offset too small");
        assert.ok(result.offset <= streamOffset + (end - start) - 4, "offset too large");
        return;
      }
      const left = end - start - result.consumed;
      assert.ok(left >= 0, "consumed too much");
      if (result.done || left === 0) assert.equal(result.needed, 0);
      else assert.ok(result.needed > left, "needs what is there");
      // So a reader's memory never has to hold more than this.
      assert.ok(result.needed <= BLOCK_HEADER_LENGTH + MAX_FRAME_LENGTH, "needs too much");
      let at = start;
      for (const frame of result.frames) {
        assert.equal(frame.streamOffset, streamOffset + at - start);
        assert.equal(frame.offset, at + BLOCK_HEADER_LENGTH);
        assert.ok(frame.length >= 1, "no payload");
        assert.ok(frame.position + frame.length <= MAX_POSITION, "ends too far");
        at = frame.offset + frame.length;
      }
      assert.equal(at + (result.done ? 4 : 0), start + result.consumed);
    }),
    { numRuns: 2000 },
  );
});

test("any bytes in any chunks: the same frames, or the same error, as in one piece", () => {
  fc.assert(
    fc.property(hostile, splits, (bytes, sizes) => {
      for (const read of [readHashStream, readBlockStream]) {
        const whole = attempt(() => read([bytes]));
        const pieces = attempt(() => read(split(bytes, sizes)));
        if (whole instanceof ProtocolError) {
          assert.ok(pieces instanceof ProtocolError, "an error only in one piece");
          assert.equal(pieces.message, whole.message);
          assert.equal(pieces.code, whole.code);
        } else assert.deepEqual(pieces, whole);
      }
    }),
    { numRuns: 1000 },
  );
});
