// Any extended stream is read as it was written, and any bytes are read within bounds or refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BlockDecoder, type BlockFrame } from "../../src/protocol/block-stream/decoder.ts";
import { BLOCK_CODECS } from "../../src/protocol/codec.ts";
import { DIGEST_LENGTHS, DIGEST_NAMES } from "../../src/protocol/digest.ts";
import { ProtocolError } from "../../src/protocol/error.ts";
import { HashEncoder } from "../../src/protocol/hash-stream/encoder.ts";
import { encodeDone } from "../../src/protocol/hash-stream/frames.ts";
import { encodeHead, type Head } from "../../src/protocol/block-stream/head.ts";
import type { Hello } from "../../src/protocol/hash-stream/hello.ts";
import { MAX_FRAME_LENGTH, MAX_POSITION } from "../../src/protocol/limits.ts";
import { encodeRecordHeader, encodeZeros } from "../../src/protocol/block-stream/record.ts";
import { Seal } from "../../src/protocol/seal.ts";
import { split } from "../support/wire/read-legacy.ts";
import { anyHello } from "../support/wire/any-hello.ts";
import { decodeExtendedBlocks } from "../support/wire/extended.ts";
import { plain, readBlocks, readHashes } from "../support/wire/read-extended.ts";
import { BLOCKS, HASHES, HEAD, HELLO } from "../support/wire/sample-streams.ts";

const plainObject = { requiredKeys: [] as never[], noNullPrototype: true };
const bytes64 = fc.uint8Array({ minLength: 64, maxLength: 64 });
const hashing = {
  digest: fc.constantFrom(...DIGEST_NAMES),
  blockSize: fc.integer({ min: 12, max: 24 }).map((power) => 2 ** power),
};
const root = fc.option(fc.record({ ...hashing, root: bytes64 }, { noNullPrototype: true }), {
  nil: undefined,
});
const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 });

const anyGreeting: fc.Arbitrary<Omit<Hello, "digest" | "blockSize">> = fc
  .record(
    {
      size: fc.maxSafeNat(),
      identity: fc.stringMatching(/^[ -~]{0,200}$/),
      storage: fc.stringMatching(/^[ -~]{0,200}$/),
      root: bytes64,
      end: fc.constant(MAX_POSITION),
      dryRun: fc.constant(true),
    },
    plainObject,
  )
  .map((greeting) => ({ ...greeting, accepts: [...BLOCK_CODECS] }));

/** Any number of gaps, each with blocks after it: what a stream asks for, or sends. */
const anyExtents = fc.array(
  fc.record({
    gap: fc.oneof(fc.constant(0), fc.nat({ max: 2 ** 40 })),
    length: fc.integer({ min: 1, max: MAX_FRAME_LENGTH }),
    payload: fc.uint8Array({ minLength: 1, maxLength: 200 }),
    codec: fc.constantFrom("zeros" as const, ...BLOCK_CODECS),
    fill: fc.nat({ max: 255 }),
  }),
  { maxLength: 12 },
);

test("a sealed hash stream is read as it was written, however it is split", () => {
  fc.assert(
    fc.property(
      fc.record(hashing, { noNullPrototype: true }),
      anyGreeting,
      anyExtents,
      root,
      sizes,
      (how, greeting, extents, proof, pieces) => {
        const encoder = new HashEncoder(how, greeting);
        const parts = [...encoder.begin({ reserveRoot: true })];
        const digestLength = DIGEST_LENGTHS[how.digest];
        const expected: unknown[] = [];
        let end = 0;
        for (const { gap, length, fill } of extents) {
          const block = Math.min(length, how.blockSize);
          const digest = new Uint8Array(digestLength).fill(fill);
          const position = end + gap;
          const streamOffset = Buffer.concat(parts).length;
          parts.push(encoder.blocks(position, block, digest));
          expected.push({ streamOffset, kind: "hash", position, length: block, digest });
          end = position + block;
        }
        expected.push({ streamOffset: Buffer.concat(parts).length, kind: "rest", offset: end });
        parts.push(encoder.rest(end), ...encoder.end(proof));
        const stream = Buffer.concat(parts);
        for (const chunks of [[stream], split(stream, pieces)]) {
          const read = readHashes(chunks);
          assert.deepEqual({ ...read.hello }, { ...how, ...greeting, version: "1.0" });
          assert.deepEqual(read.root, proof);
          const frames = read.frames.map((frame) => plain(frame));
          assert.deepEqual(frames, expected);
        }
      },
    ),
    { numRuns: 200 },
  );
});

const time = fc.record(
  { seconds: fc.maxSafeInteger(), nanoseconds: fc.integer({ min: 0, max: 999_999_999 }) },
  { noNullPrototype: true },
);
const anyHead: fc.Arbitrary<Head> = fc.record(
  {
    ...hashing,
    source: fc.record(
      {
        size: fc.maxSafeNat(),
        kind: fc.constantFrom("file" as const, "device" as const),
        mode: fc.integer({ min: 0, max: 0o7777 }),
        modified: time,
      },
      plainObject,
    ),
    base: fc.option(
      fc.record({ size: fc.maxSafeNat(), root: bytes64 }, { noNullPrototype: true }),
      { nil: undefined },
    ),
    end: fc.option(fc.maxSafeNat(), { nil: undefined }),
  },
  { noNullPrototype: true },
);

test("an extended block stream is read as it was written, however it is split", () => {
  fc.assert(
    fc.property(anyHead, anyExtents, root, sizes, (head, extents, proof, pieces) => {
      const seal = new Seal();
      const parts = [encodeHead(head)];
      const expected: unknown[] = [];
      let end = 0;
      for (const { gap, length, payload, codec, fill } of extents) {
        const position = end + gap;
        const digest = new Uint8Array(DIGEST_LENGTHS[head.digest]).fill(fill);
        const block = codec === "raw" ? payload.length : Math.max(length, payload.length);
        const header =
          codec === "zeros"
            ? encodeZeros(position, block)
            : encodeRecordHeader({ position, block, codec, length: payload.length, digest });
        seal.addRecord(header);
        parts.push(header);
        if (codec !== "zeros") parts.push(payload);
        expected.push(
          codec === "zeros"
            ? { command: "zero", position, block, codec, digest: undefined, payload: "" }
            : {
                command: "blck",
                position,
                block,
                codec,
                digest: hex(digest),
                payload: hex(payload),
              },
        );
        end = position + block;
      }
      parts.push(seal.encode(proof), encodeDone());
      const stream = Buffer.concat(parts);
      for (const chunks of [[stream], split(stream, pieces)]) {
        const read = readBlocks(chunks);
        assert.deepEqual(plain(read.head), { ...head, version: "1.0" });
        assert.deepEqual(read.root, proof);
        assert.deepEqual(
          read.frames.map(({ command, position, block, codec, digest, payload }) => ({
            command,
            position,
            block,
            codec,
            digest: digest && hex(digest),
            payload: hex(payload),
          })),
          expected,
        );
      }
      // The encoder and the decoder could be wrong in the same way.
      assert.deepEqual(
        decodeExtendedBlocks(stream).frames.map(({ digest, payload, ...frame }) => ({
          ...frame,
          digest: frame.codec === "zeros" ? undefined : hex(digest),
          payload: hex(payload),
        })),
        expected,
      );
    }),
    { numRuns: 200 },
  );
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Frames that are sound, noise, and both with a few bytes changed. */
const hostile = fc
  .tuple(
    fc.oneof(fc.constantFrom<Uint8Array>(HELLO, HEAD), anyHello),
    fc.array(
      fc.oneof(
        fc.constantFrom(...BLOCKS, ...HASHES).map(({ bytes }): Uint8Array => bytes),
        fc
          .constantFrom("blck", "zero", "root", "head", "Hash", "rest", "done", "data")
          .map((text): Uint8Array => Buffer.from(text)),
        fc.uint8Array({ maxLength: 60 }),
        fc.nat({ max: 80 }).map((n): Uint8Array => Buffer.alloc(n)),
      ),
      { maxLength: 6 },
    ),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 2 }),
  )
  .map(([first, parts, changes]) => {
    const bytes = Buffer.concat([first, ...parts]);
    for (const [at, value] of changes) bytes.writeUInt8(value, at % bytes.length);
    return bytes;
  });

/** The longest header, one of a description. */
const MAX_HEADER_LENGTH = 4092;

test("any bytes as an extended block stream: frames within them and little to wait for, or a ProtocolError", () => {
  fc.assert(
    fc.property(hostile, (bytes) => {
      const decoder = new BlockDecoder();
      try {
        const decoded = decoder.decode(bytes, 0, bytes.length, 0);
        assert.ok(decoded.consumed <= bytes.length, "consumed too much");
        assert.ok(decoded.needed <= MAX_HEADER_LENGTH + MAX_FRAME_LENGTH, "needs too much");
        assert.ok(
          decoded.done ||
            decoded.needed > bytes.length - decoded.consumed ||
            decoded.consumed === bytes.length,
        );
        decoded.frames.forEach((frame) => assertWithin(frame, bytes.length));
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
        assert.ok(error.offset <= bytes.length - 4, "offset too large");
      }
    }),
    { numRuns: 2000 },
  );
});

function assertWithin(frame: BlockFrame, end: number): void {
  const { position, block = frame.length, length, offset, headerLength, streamOffset } = frame;
  assert.equal(offset, streamOffset + headerLength);
  assert.ok(offset + length <= end, "reaches beyond the bytes");
  assert.ok(block >= 1 && block <= MAX_FRAME_LENGTH && length <= MAX_FRAME_LENGTH, "length");
  assert.ok(position >= 0 && position + block <= MAX_POSITION, "position");
}

test("any bytes in any chunks: the same as in one piece", () => {
  const outcome = (read: () => unknown): unknown => {
    try {
      return plain(read());
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
      return `${error.code}: ${error.message}`;
    }
  };
  fc.assert(
    fc.property(hostile, sizes, (bytes, pieces) => {
      for (const read of [readHashes, readBlocks])
        assert.deepEqual(
          outcome(() => read(split(bytes, pieces))),
          outcome(() => read([bytes])),
        );
    }),
    { numRuns: 1000 },
  );
});
