// The trailer: what is written is read, what is damaged is refused, and any bytes are one or the other.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ProtocolError } from "../../src/protocol/error.ts";
import {
  decodeTrailer,
  encodeTrailer,
  type Trailer,
  trailerEnded,
  trailerLength,
} from "../../src/protocol/block-stream/trailer.ts";
import { TAG, tailFrame } from "../support/wire/trailer.ts";

const time = fc.record({
  seconds: fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
});
const owner = fc.record({
  id: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  name: fc.option(fc.stringMatching(/^[a-zé_][a-z0-9._-]{0,31}$/), { nil: undefined }),
});
const anyTrailer: fc.Arbitrary<Trailer> = fc.record(
  {
    size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    kind: fc.constantFrom("file" as const, "device" as const),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    accessed: time,
    modified: time,
    owner,
    group: owner,
    root: fc.record({
      digest: fc.constantFrom("sha3-512" as const, "blake3" as const),
      blockSize: fc.integer({ min: 1, max: 2 ** 24 }),
      root: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    }),
  },
  { requiredKeys: [], noNullPrototype: true },
);

/** Decodes a frame as `save` does; the code of the error when it is refused. */
function decoded(frame: Uint8Array): Trailer | string {
  try {
    const length = trailerLength(frame, 5);
    if (length > frame.length) return "incomplete";
    return decodeTrailer(frame.subarray(0, length), 5);
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    assert.equal(error.offset, 5);
    return error.code;
  }
}

test("a trailer is read as it was written", () => {
  fc.assert(
    fc.property(anyTrailer, (tail) => {
      const frame = encodeTrailer(tail);
      assert.ok(frame.length + 4 <= 4096);
      assert.deepEqual(structuredClone(decoded(frame)), structuredClone(tail));
    }),
  );
});

test("every flipped bit is noticed", () => {
  const id = { id: 7, name: "operator" };
  const root = { digest: "blake3", blockSize: 131_072, root: new Uint8Array(64).fill(9) } as const;
  const frame = encodeTrailer({ size: 5, mode: 0o644, owner: id, group: id, root });
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const flipped = Uint8Array.from(frame);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(typeof decoded(flipped), "string", `bit ${bit}`);
  }
});

test("any bytes are read or refused, also with a right checksum", () => {
  const field = fc.tuple(
    fc.oneof(fc.constantFrom(...Object.values(TAG)), fc.integer({ min: 0, max: 0xffff })),
    fc.uint8Array({ maxLength: 80 }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(typeof decoded(bytes), "string");
    }),
  );
  fc.assert(
    fc.property(fc.array(field, { maxLength: 6 }), (fields) => {
      const tail = decoded(tailFrame(fields));
      if (typeof tail === "string") return;
      assert.ok((tail.size ?? 0) <= Number.MAX_SAFE_INTEGER && (tail.mode ?? 0) <= 0o7777);
      assert.ok(!tail.owner?.name?.includes("\0"));
    }),
  );
});

test("a later minor version and its optional fields are read, a required one and a later major one are named", () => {
  const size = Buffer.from([0, 0, 0, 0, 0, 0, 0, 9]);
  const later = tailFrame(
    [
      [0x7abc, Buffer.from("new")],
      [TAG.size, size],
    ],
    [1, 7],
  );
  assert.deepEqual(decoded(later), { size: 9 });
  assert.equal(decoded(tailFrame([[0x8abc, size]])), "unsupported");
  assert.equal(decoded(tailFrame([[TAG.size, size]], [2, 0])), "unsupported");
});

test("values that cannot be are refused", () => {
  const far = Buffer.from([0, 32, 0, 0, 0, 0, 0, 0]);
  for (const [tag, value] of [
    [TAG.size, far],
    [TAG.size, far.subarray(1)],
    [TAG.mode, Buffer.from([0, 0, 0x10, 0])],
    [TAG.kind, Buffer.from("pipe")],
    [TAG.modified, Buffer.concat([Buffer.alloc(8), Buffer.from("3b9aca00", "hex")])],
    [TAG.owner, Buffer.from([0, 0, 1])],
    [TAG.group, Buffer.from("\0\0\0\0ro\0ot")],
    [TAG.root, Buffer.alloc(76)],
  ] as const)
    assert.equal(decoded(tailFrame([[tag, value]])), "bad-tail", `${tag} ${value.toString("hex")}`);
});

test("bytes that are no trailer are refused as soon as their header is there", () => {
  const other = encodeTrailer({ size: 7 });
  other.set(Buffer.from("head"));
  for (let length = 0; length < 8; length++)
    assert.equal(trailerLength(other.subarray(0, length), 5), 8);
  assert.equal(decoded(other.subarray(0, 8)), "bad-tail");
  assert.equal(decoded(other), "bad-tail");
});

test("an end within the trailer says how much of it is there", () => {
  const frame = encodeTrailer({ size: 7 });
  const { code, offset, message } = trailerEnded(frame.subarray(0, 9), 5);
  assert.deepEqual({ code, offset }, { code: "truncated-frame", offset: 5 });
  assert.ok(message.endsWith(`at byte 5 (9 of ${frame.length} bytes)`), message);
});
