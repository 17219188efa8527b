import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BlockDecoder } from "../../src/protocol/block-stream/decoder.ts";
import { BLOCK_HEADER_LENGTH, encodeBlockHeader } from "../../src/protocol/block-stream/frames.ts";
import { DEFAULT_HASHING, DIGEST_LENGTHS } from "../../src/protocol/digest.ts";
import type { ProtocolErrorCode } from "../../src/protocol/error.ts";
import { encodeDone, encodeHashFrames, encodeRest } from "../../src/protocol/hash-stream/frames.ts";
import { MAX_FRAME_LENGTH, MAX_POSITION } from "../../src/protocol/limits.ts";
import {
  assertRefused,
  blockStreamEnded,
  decodeBlockFrames,
  decodeHashFrames,
  frame,
  hashStreamEnded,
  protocolErrorOf,
  readHashStream,
  recordedBytes,
} from "../support/wire/read-legacy.ts";
import { sha3 } from "../support/wire/frames.ts";

test("an end of stream says where, and how much of what is there", () => {
  assert.equal(
    hashStreamEnded(new Uint8Array(), 332).message,
    "the hash input stream was closed unexpectedly without receiving the `done` command, after 332 bytes",
  );
  assert.equal(
    blockStreamEnded(Buffer.from("do"), 7).message,
    "incomplete read of command from block input stream, at byte 7 (2 of 4 bytes)",
  );
  assert.equal(
    hashStreamEnded(recordedBytes("changed.hashes").subarray(0, 50), 9).message,
    "incomplete read of hash from hash input stream, at byte 9 (50 of 80 bytes)",
  );
  assert.equal(
    hashStreamEnded(frame("hash", [1]), 9).message,
    "incomplete read of hash from hash input stream, at byte 9 (8 of 72 bytes)",
  );
  assert.equal(
    hashStreamEnded(Buffer.from("rest"), 9).message,
    "incomplete read of offset from hash input stream, at byte 9 (4 of 12 bytes)",
  );
  assert.equal(
    blockStreamEnded(Buffer.from("data\0"), 9).message,
    "incomplete read of block position and size from block input stream, at byte 9 (5 of 16 bytes)",
  );
  assert.equal(
    blockStreamEnded(frame("dlzm", [0n, 100], Buffer.alloc(99)), 9).message,
    "incomplete read of block data from block input stream, at byte 9 (115 of 116 bytes)",
  );
});

describe("what no stream may hold", () => {
  const good = frame("Hash", [0n, 1], Buffer.alloc(DIGEST_LENGTHS["sha3-512"]));
  const digest = Buffer.alloc(DIGEST_LENGTHS["sha3-512"]);
  const last = BigInt(MAX_POSITION);

  /** Asserts that a frame is refused with and without the bytes after its numbers, and after a good frame. */
  function hashRefused(bytes: Uint8Array, code: ProtocolErrorCode, words: string): void {
    for (const rest of [[], [digest]]) {
      const all = Buffer.concat([bytes, ...rest]);
      assertRefused(() => decodeHashFrames(all, 1000), code, 1000, words);
      const after = Buffer.concat([good, all]);
      assertRefused(() => decodeHashFrames(after, 1000), code, 1080, words);
    }
  }

  function blockRefused(bytes: Uint8Array, code: ProtocolErrorCode, words: string): void {
    const before = frame("data", [5n, 2], Buffer.from("ab"));
    const memory = Buffer.concat([before, bytes]);
    const end = memory.length;
    assertRefused(() => decodeBlockFrames(memory, 18, end, 50), code, 50, words);
    assertRefused(() => decodeBlockFrames(memory, 0, end, 50), code, 68, words);
  }

  test("a length of 0 or more than 16 MiB", () => {
    for (const length of [0, MAX_FRAME_LENGTH + 1, 64 * 2 ** 20, 2 ** 32 - 1]) {
      const words = `length ${length} in a`;
      hashRefused(frame("Hash", [0n, length]), "bad-length", words);
      hashRefused(frame("hash", [length]), "bad-length", words);
      blockRefused(frame("data", [0n, length]), "bad-length", words);
      blockRefused(frame("dlzm", [0n, length]), "bad-length", words);
    }
  });

  test("a position past 2^53-1", () => {
    for (const position of [last + 1n, last + 2n, 2n ** 63n, 2n ** 64n - 1n]) {
      const words = `position ${position} in a`;
      hashRefused(frame("Hash", [position, 1]), "bad-position", words);
      hashRefused(frame("rest", [position]), "bad-position", words);
      blockRefused(frame("data", [position, 1]), "bad-position", words);
      blockRefused(frame("dlzm", [position, 1]), "bad-position", words);
    }
  });

  test("a block that ends past 2^53-1", () => {
    for (const [position, length] of [
      [last, 1],
      [last, 2],
      [last - 99n, 100],
      [last - 1n, MAX_FRAME_LENGTH],
    ] as const) {
      const words = `end ${position + BigInt(length)} in a`;
      hashRefused(frame("Hash", [position, length]), "bad-position", words);
      blockRefused(frame("data", [position, length]), "bad-position", words);
      blockRefused(frame("dlzm", [position, length]), "bad-position", words);
    }
  });

  test("an unknown command, or one in another case", () => {
    for (const command of ["what", "Done", "HASH", "HELO", "\0\0\0\0"])
      hashRefused(Buffer.from(command), "unknown-command", "unknown command received: b'");
    for (const command of ["what", "Done", "DATA"])
      blockRefused(Buffer.from(command), "unknown-command", "unknown command received: b'");
  });

  test("a frame of the other stream", () => {
    for (const command of ["data", "dlzm"])
      hashRefused(Buffer.from(command), "other-stream", `a \`${command}\` frame of a block stream`);
    for (const command of ["helo", "Hash", "hash", "rest"])
      blockRefused(Buffer.from(command), "other-stream", `a \`${command}\` frame of a hash stream`);
  });

  test("an unknown command is shown without anything a terminal obeys", () => {
    const error = protocolErrorOf(() => decodeHashFrames(Buffer.from("\x1b\x9b'\n", "latin1"), 0));
    assert.equal(
      error.message,
      "unknown command received: b'\\x1b\\x9b\\x27\\x0a', at byte 0 of the hash input stream",
    );
  });
});

describe("the largest and the smallest", () => {
  test("positions and lengths that are allowed, both ways", () => {
    const digest = new Uint8Array(sha3(Buffer.from("x")));
    for (const [position, length] of [
      [0, 1],
      [0, MAX_FRAME_LENGTH],
      [2 ** 32 - 1, 1],
      [2 ** 32, 2 ** 24 - 1],
      [MAX_POSITION - 1, 1],
      [MAX_POSITION - MAX_FRAME_LENGTH, MAX_FRAME_LENGTH],
    ] as const) {
      const hash = encodeHashFrames(position, length, length, digest);
      assert.deepEqual(Buffer.from(hash), frame("Hash", [BigInt(position), length], digest));
      assert.deepEqual(decodeHashFrames(hash, 0).frames, [
        { kind: "hash", position, length, digest },
      ]);
      const header = new Uint8Array(BLOCK_HEADER_LENGTH + 2);
      encodeBlockHeader(header, 1, "dlzm", position, length);
      assert.deepEqual(
        Buffer.from(header),
        Buffer.concat([Buffer.of(0), frame("dlzm", [BigInt(position), length]), Buffer.of(0)]),
      );
      const end = 1 + BLOCK_HEADER_LENGTH;
      const decoded = decodeBlockFrames(header, 1, end, 0);
      assert.equal(decoded.needed, BLOCK_HEADER_LENGTH + length);
    }
    assert.deepEqual(decodeHashFrames(encodeRest(MAX_POSITION), 0).frames, [
      { kind: "rest", offset: MAX_POSITION },
    ]);
  });

  test("blocks are cut from the range's start, the last one short", () => {
    const digests = Buffer.alloc(3 * DIGEST_LENGTHS["sha3-512"], "abc");
    const position = MAX_POSITION - 201;
    assert.deepEqual(
      readHashStream([encodeHashFrames(position, 201, 100, digests), encodeDone()]),
      [0, 100, 200].map((begin, block) => ({
        kind: "hash",
        position: position + begin,
        length: begin === 200 ? 1 : 100,
        digest: digests.subarray(
          block * DIGEST_LENGTHS["sha3-512"],
          (block + 1) * DIGEST_LENGTHS["sha3-512"],
        ),
      })),
    );
    assert.equal(encodeHashFrames(5, 0, 100, new Uint8Array()).length, 0);
  });

  test("a mistake in the caller is a RangeError, and writes nothing", () => {
    const digest = Buffer.alloc(DIGEST_LENGTHS["sha3-512"]);
    for (const [position, length, blockSize] of [
      [-1, 1, 1],
      [0.5, 1, 1],
      [MAX_POSITION + 1, 1, 1],
      [MAX_POSITION, 1, 1],
      [0, 1, 0],
      [0, 1, MAX_FRAME_LENGTH + 1],
      [0, -1, 1],
      [0, Number.NaN, 1],
      [0, 2, 1],
      [0, 0, 1],
    ] as const)
      assert.throws(
        () => encodeHashFrames(position, length, blockSize, digest),
        RangeError,
        `${position} ${length} ${blockSize}`,
      );
    for (const offset of [-1, 0.5, MAX_POSITION + 1, Number.NaN])
      assert.throws(() => encodeRest(offset), RangeError);
    const memory = new Uint8Array(64);
    const target = memory.subarray(16, 48);
    for (const [at, position, length] of [
      [0, -1, 1],
      [0, MAX_POSITION, 1],
      [0, MAX_POSITION + 1, 1],
      [0, 0, 0],
      [0, 0, MAX_FRAME_LENGTH + 1],
      [-1, 0, 1],
      [17, 0, 1],
    ] as const)
      assert.throws(
        () => encodeBlockHeader(target, at, "data", position, length),
        RangeError,
        `${at} ${position} ${length}`,
      );
    assert.deepEqual(memory, new Uint8Array(64));
  });
});

describe("decoding in place", () => {
  test("a header tells codec and length of its block as far as its command does", () => {
    const memory = Buffer.concat([
      frame("data", [7n, 3], Buffer.from("abc")),
      frame("dlzm", [10n, 2], Buffer.from("de")),
    ]);
    const { frames } = new BlockDecoder().decode(memory, 0, memory.length, 0);
    assert.deepEqual(
      frames.map(({ codec, block, length, headerLength }) => ({
        codec,
        block,
        length,
        headerLength,
      })),
      [
        { codec: "raw", block: 3, length: 3, headerLength: BLOCK_HEADER_LENGTH },
        { codec: "xz", block: undefined, length: 2, headerLength: BLOCK_HEADER_LENGTH },
      ],
    );
  });

  test("no more frames are decoded than asked for, and the rest later", () => {
    const block = (position: bigint): Uint8Array =>
      frame("data", [position, 3], Buffer.from("abc"));
    const memory = Buffer.concat([block(0n), block(3n), block(6n), Buffer.from("done")]);
    const decoder = new BlockDecoder();
    const first = decoder.decode(memory, 0, memory.length, 0, 2);
    assert.deepEqual(
      first.frames.map(({ position }) => position),
      [0, 3],
    );
    assert.deepEqual(
      { ...first, frames: [] },
      { frames: [], consumed: 38, done: false, needed: 0 },
    );
    const second = decoder.decode(memory, 38, memory.length, 38, 2);
    assert.deepEqual(
      second.frames.map(({ position }) => position),
      [6],
    );
    assert.equal(second.done, true);
  });

  test("nothing after done is looked at", () => {
    const junk = Buffer.from("donewhat");
    assert.deepEqual(decodeHashFrames(junk, 0), {
      frames: [],
      consumed: 4,
      done: true,
      hello: DEFAULT_HASHING,
    });
    assert.deepEqual(decodeBlockFrames(junk, 0, 8, 0), {
      frames: [],
      consumed: 4,
      done: true,
      needed: 0,
    });
  });

  test("a digest is a view into the bytes", () => {
    const bytes = recordedBytes("changed.hashes");
    const [first] = decodeHashFrames(bytes, 0).frames;
    assert.ok(first?.kind === "hash");
    assert.equal(first.digest.buffer, bytes.buffer);
    assert.equal(first.digest.byteOffset, bytes.byteOffset + 16);
  });

  test("bytes outside of start and end are not read", () => {
    const block = frame("data", [7n, 3], Buffer.from("abc"));
    const memory = Buffer.concat([Buffer.from("##"), block, block]);
    const once = {
      frames: [{ command: "data", position: 7, offset: 18, length: 3, streamOffset: 40 }],
      consumed: 19,
      done: false,
      needed: 0,
    };
    assert.deepEqual(decodeBlockFrames(memory, 2, 21, 40), once);
    for (let more = 1; more < block.length; more++)
      assert.deepEqual(decodeBlockFrames(memory, 2, 21 + more, 40), {
        ...once,
        needed: more < BLOCK_HEADER_LENGTH ? BLOCK_HEADER_LENGTH : 19,
      });
  });
});
