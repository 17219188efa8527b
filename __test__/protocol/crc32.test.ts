import assert from "node:assert/strict";
import { test } from "node:test";
import { portableCrc32 } from "../../src/protocol/crc32.ts";
import { noise } from "../support/files/files.ts";
import { crc32 } from "../support/wire/crc32.ts";

test("the CRC-32 for an older Node is that of a newer one", () => {
  const portable = portableCrc32();
  const bytes = noise("crc32", 3000);
  for (let length = 0; length <= bytes.length; length += 37) {
    const [before, after] = [bytes.subarray(0, length), bytes.subarray(length)];
    assert.equal(portable(before), crc32(before));
    assert.equal(portable(after, portable(before)), crc32(bytes));
  }
});
