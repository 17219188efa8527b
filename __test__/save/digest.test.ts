// The digests of the addon: SHA3-512 against OpenSSL's, BLAKE3 against what others have computed.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { loadAddon } from "../../src/native/load.ts";
import { DEFAULT_BLOCK_SIZE } from "../../src/protocol/limits.ts";
import { blake3, KNOWN_ANSWERS, pattern } from "../support/wire/blake3.ts";
import { noise } from "../support/files/files.ts";
import { sha3 } from "../support/wire/frames.ts";

/** Bytes that SHA3-512 absorbs at once: where a message ends within them decides how it is padded. */
const RATE = 72;

const native = loadAddon();
const engine = new native.Engine({});
const slab = new native.Slab(1, 4 * DEFAULT_BLOCK_SIZE);
const memory = slab.expose();
const message = noise("message", 4 * DEFAULT_BLOCK_SIZE);

function lengthsAround(center: number): number[] {
  return Array.from({ length: 4 * RATE + 1 }, (_, index) => center - 2 * RATE + index).filter(
    (length) => length >= 0,
  );
}

function reference(bytes: Uint8Array): string {
  return sha3(bytes).toString("hex");
}

for (const center of [RATE, DEFAULT_BLOCK_SIZE, 2 * DEFAULT_BLOCK_SIZE]) {
  test(`SHA3-512: every length around ${center} bytes`, async () => {
    for (const length of lengthsAround(center)) {
      memory.set(message);
      const digest = await engine.digest(slab, 0, {
        length: length,
        blockLength: slab.slotLength,
        algorithm: "sha3-512",
      });
      const expected = length === 0 ? "" : reference(message.subarray(0, length));
      assert.equal(Buffer.from(digest).toString("hex"), expected, `${length} bytes`);
    }
  });
}

test("SHA3-512: blocks of every length around the rate, many at once", async () => {
  memory.set(message);
  for (let blockLength = 1; blockLength <= 3 * RATE; blockLength++) {
    const length = 50 * blockLength + 1;
    const digests = Buffer.from(
      await engine.digest(slab, 0, {
        length: length,
        blockLength: blockLength,
        algorithm: "sha3-512",
      }),
    ).toString("hex");
    const blocks = Array.from({ length: 51 }, (_, block) =>
      message.subarray(block * blockLength, Math.min((block + 1) * blockLength, length)),
    );
    assert.equal(digests, blocks.map(reference).join(""), `blocks of ${blockLength} bytes`);
  }
});

test("the hash of root digests: parts of random lengths, many of them empty", () => {
  for (let run = 0; run < 200; run++) {
    const random = new Uint32Array(noise(`parts ${run}`, 4 * 40).buffer.slice(0));
    const lengths = [...random].map((word) => (word & 3 ? (word >>> 2) % (3 * RATE) : 0));
    const expected = createHash("sha3-512");
    const hash = new native.RootHash();
    let at = 0;
    for (const length of lengths) {
      const part = message.subarray(at, at + length);
      expected.update(part);
      hash.add(part);
      at += length;
      assert.equal(
        Buffer.from(hash.digest()).toString("hex"),
        expected.copy().digest("hex"),
        `run ${run}: ${at} bytes, the last part of ${length}`,
      );
    }
  }
});

test("BLAKE3: every message whose digest is known", async () => {
  for (const { length, shift, digest: expected } of KNOWN_ANSWERS) {
    memory.fill(0xff);
    memory.set(pattern(length, shift));
    const digest = await engine.digest(slab, 0, {
      length: length,
      blockLength: DEFAULT_BLOCK_SIZE,
      algorithm: "blake3",
    });
    // No bytes are no block, and so have no digest.
    assert.equal(Buffer.from(digest).toString("hex"), length === 0 ? "" : expected, `${length}`);
  }
});

for (const [length, last] of [
  [DEFAULT_BLOCK_SIZE, 102_400],
  [1025, 1],
  [1024, 1023],
] as const) {
  test(`BLAKE3: blocks of ${length} bytes, the last one of ${last}`, async () => {
    const shifts = length === DEFAULT_BLOCK_SIZE ? [2, 0, 1] : Array.from({ length: 200 }, () => 0);
    const blocks = [...shifts.map((shift) => pattern(length, shift)), pattern(last)];
    const all = Buffer.concat(blocks);
    memory.fill(0xff);
    memory.set(all);
    const digests = await engine.digest(slab, 0, {
      length: all.length,
      blockLength: length,
      algorithm: "blake3",
    });
    assert.deepEqual(Buffer.from(digests), Buffer.concat(blocks.map(blake3)));
  });
}

test("an unknown digest is refused, and the slot stays free", async () => {
  for (const name of ["md5", "BLAKE3", "sha3-512 ", ""])
    assert.throws(
      () => engine.digest(slab, 0, { length: 1, blockLength: 1, algorithm: name as "blake3" }),
      /does not match any variant of enum `DigestAlgorithm`/,
    );
  memory.set(pattern(1));
  const digest = await engine.digest(slab, 0, { length: 1, blockLength: 1, algorithm: "blake3" });
  assert.deepEqual(Buffer.from(digest), blake3(pattern(1)));
});
