// Frames that are decoded in a run, and one by one: both must find the same frames and the same faults.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_CODECS } from "../../src/protocol/codec.ts";
import { HashDecoder } from "../../src/protocol/hash-stream/decoder.ts";
import { HashEncoder } from "../../src/protocol/hash-stream/encoder.ts";
import type { HashFrame } from "../../src/protocol/hash-stream/frames.ts";
import { mulberry32 } from "../support/mulberry32.ts";

const HASHING = { digest: "blake3", blockSize: 4096 } as const;

/** A stream of three blocks, a mark and two more, the last one short; legacy without marks. */
function stream(isExtended: boolean): Buffer {
  const accepts = BLOCK_CODECS;
  const end = 2 ** 33 + 5 * 4096;
  const encoder = new HashEncoder(
    HASHING,
    isExtended ? { accepts, marks: true, end } : { accepts: undefined },
  );
  const start = 2 ** 33;
  return Buffer.concat([
    ...encoder.begin(),
    encoder.blocks(start, 3 * 4096, Buffer.alloc(96, "ab")),
    ...(isExtended ? [encoder.mark(start + 3 * 4096)] : []),
    encoder.blocks(start + 3 * 4096, 5000, Buffer.alloc(64, "cd")),
    ...encoder.end(undefined),
  ]);
}

/** Decodes all frames in one call. */
function atOnce(bytes: Uint8Array): unknown {
  const decoder = new HashDecoder();
  return outcome(() => decoder.decode(bytes, 0));
}

/** Decodes frame after frame. */
function oneByOne(bytes: Uint8Array): unknown {
  const decoder = new HashDecoder();
  return outcome(() => {
    const frames: HashFrame[] = [];
    for (let at = 0; ;) {
      const peeked = decoder.peek(bytes.subarray(at), at);
      if (peeked.kind === "partial") return { frames, consumed: at, done: false };
      if (peeked.kind === "done") return { frames, consumed: at + 4, done: true };
      decoder.take(peeked);
      if (peeked.kind === "frame") frames.push(peeked.frame);
      at += peeked.bytes.length;
    }
  });
}

/** The result, or the message of the error. */
function outcome(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
}

for (const isExtended of [true, false])
  test(`${isExtended ? "an extended" : "a plain"} stream, with each byte changed, and cut anywhere`, () => {
    const bytes = stream(isExtended);
    const random = mulberry32(4711);
    assert.deepEqual(atOnce(bytes), oneByOne(bytes));
    for (let at = 0; at < bytes.length; at += 1) {
      const cut = bytes.subarray(0, at);
      assert.deepEqual(atOnce(cut), oneByOne(cut));
      for (const value of [0, 0xff, Math.floor(random() * 256), (bytes[at] ?? 0) ^ 1]) {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        assert.deepEqual(atOnce(changed), oneByOne(changed), `byte ${at} is ${value}`);
      }
    }
  });
