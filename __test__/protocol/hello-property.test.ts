// Any hello that this version must read, and any that it must refuse.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DIGEST_LENGTHS, DIGEST_NAMES } from "../../src/protocol/digest.ts";
import { encodeDone, encodeHashFrames } from "../../src/protocol/hash-stream/frames.ts";
import {
  assertRefused,
  decodeHashFrames,
  readHashStream,
  split,
} from "../support/wire/read-legacy.ts";
import { DIGEST_TAG, helloField, helloFrame } from "../support/wire/frames.ts";

const digestName = fc.constantFrom(...DIGEST_NAMES);
const minor = fc.nat({ max: 255 });

/** The numbers of fields that are known here, as required ones and as optional ones. */
const KNOWN = { required: [1, 2, 3, 11], optional: [4, 5, 6, 8, 9, 10, 12] };

/** Fields that a reader may skip. */
const optional = fc.array(
  fc
    .record({ tag: numberBut(KNOWN.optional), value: fc.uint8Array({ maxLength: 40 }) })
    .map(({ tag, value }) => helloField(tag, value)),
  { maxLength: 20 },
);

/** Any number of a field but these. */
function numberBut(known: readonly number[]): fc.Arbitrary<number> {
  return fc.nat({ max: 0x7fff }).filter((number) => !known.includes(number));
}

test("optional fields are skipped, and the digest's frames follow, however all is split", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 });
  fc.assert(
    fc.property(
      fc.record({ name: digestName, minor, before: optional, after: optional }),
      fc.nat({ max: 5 }),
      sizes,
      ({ name, before, after, ...version }, count, pieces) => {
        const fields = [...before, helloField(DIGEST_TAG, name), ...after];
        const size = DIGEST_LENGTHS[name];
        const digests = new Uint8Array(count * size).map((_, i) => i / size);
        const all = Buffer.concat([
          helloFrame(fields, [1, version.minor]),
          encodeHashFrames(0, count * 10, 10, digests, name),
          encodeDone(),
        ]);
        const expected = Array.from({ length: count }, (_, block) => ({
          kind: "hash",
          position: block * 10,
          length: 10,
          digest: Buffer.alloc(size, block),
        }));
        assert.deepEqual(readHashStream(split(all, pieces)), expected);
        assert.equal(decodeHashFrames(all, 0).hello.digest, name);
      },
    ),
  );
});

test("these fields are known as required ones, and no others", () => {
  const known = Array.from({ length: 0x8000 }, (_, number) => number).filter((number) => {
    const fields = [helloField(DIGEST_TAG, "sha3-512"), helloField(0x8000 | number, "")];
    try {
      decodeHashFrames(helloFrame(fields, [1, 0]), 0);
      return true;
    } catch (error) {
      return !(error instanceof Error && error.message.includes(`needs field ${number},`));
    }
  });
  assert.deepEqual(known, KNOWN.required);
});

test("a required field that is unknown is refused by its number, wherever it stands", () => {
  fc.assert(
    fc.property(
      digestName,
      minor,
      optional,
      optional,
      numberBut(KNOWN.required),
      (name, version, before, after, number) => {
        const needed = helloField(0x8000 | number, "?");
        const named = helloField(DIGEST_TAG, name);
        for (const fields of [
          [named, ...before, needed, ...after],
          [...before, needed, ...after, named],
        ])
          assertRefused(
            () => decodeHashFrames(helloFrame(fields, [1, version]), 0),
            "unsupported",
            0,
            `needs field ${number},`,
          );
      },
    ),
  );
});
