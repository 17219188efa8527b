// SHA3-512 of the addon against Node's own, which is OpenSSL's.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { loadAddon } from "../src/native/load.ts";
import { BLOCK_SIZE } from "../src/protocol/limits.ts";
import { noise } from "./support/files.ts";

/** Bytes that SHA3-512 absorbs at once: where a message ends within them decides how it is padded. */
const RATE = 72;

const native = loadAddon();
const engine = new native.Engine();
const slab = new native.Slab(1, 4 * BLOCK_SIZE);
const memory = slab.expose();
const message = noise("message", 4 * BLOCK_SIZE);

function lengthsAround(center: number): number[] {
  return Array.from({ length: 4 * RATE + 1 }, (_, index) => center - 2 * RATE + index).filter(
    (length) => length >= 0,
  );
}

function reference(bytes: Uint8Array): string {
  return createHash("sha3-512").update(bytes).digest("hex");
}

for (const center of [RATE, BLOCK_SIZE, 2 * BLOCK_SIZE]) {
  test(`every length around ${center} bytes`, async () => {
    for (const length of lengthsAround(center)) {
      memory.set(message);
      const digest = await engine.digest(slab, 0, length, slab.slotLength);
      const expected = length === 0 ? "" : reference(message.subarray(0, length));
      assert.equal(Buffer.from(digest).toString("hex"), expected, `${length} bytes`);
    }
  });
}

test("blocks of every length around the rate, many at once", async () => {
  memory.set(message);
  for (let blockLength = 1; blockLength <= 3 * RATE; blockLength++) {
    const length = 50 * blockLength + 1;
    const digests = Buffer.from(await engine.digest(slab, 0, length, blockLength)).toString("hex");
    const blocks = Array.from({ length: 51 }, (_, block) =>
      message.subarray(block * blockLength, Math.min((block + 1) * blockLength, length)),
    );
    assert.equal(digests, blocks.map(reference).join(""), `blocks of ${blockLength} bytes`);
  }
});
