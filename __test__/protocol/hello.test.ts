// The hello of an extended hash stream.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DEFAULT_HASHING, DIGEST_LENGTHS, DIGEST_NAMES } from "../../src/protocol/digest.ts";
import type { ProtocolErrorCode } from "../../src/protocol/error.ts";
import { HashDecoder } from "../../src/protocol/hash-stream/decoder.ts";
import { encodeHashFrames } from "../../src/protocol/hash-stream/frames.ts";
import { encodeHello } from "../../src/protocol/hash-stream/hello.ts";
import {
  assertRefused,
  decodeBlockFrames,
  decodeHashFrames,
  hashStreamEnded,
  deprecatedHash,
  frame,
  protocolErrorOf,
  readHashStream,
} from "../support/wire/read-legacy.ts";
import {
  DIGEST_TAG,
  DONE,
  hello,
  helloField,
  helloFrame,
  rawHello,
  restFrame,
} from "../support/wire/frames.ts";

const BLAKE3 = helloField(DIGEST_TAG, "blake3");
const BLAKE3_HASHING = { digest: "blake3", blockSize: 131_072 } as const;
const MAX_BODY_LENGTH = 4084;
const VERSION_LENGTH = 2;
const FIELD_HEADER_LENGTH = 4;
const CRC_LENGTH = 4;

/** An optional field that makes the body of a hello, with `others` after it, `total` bytes long. */
function padding(total: number, others: Uint8Array): Buffer {
  const length = total - VERSION_LENGTH - FIELD_HEADER_LENGTH - others.length - CRC_LENGTH;
  return helloField(2, Buffer.alloc(length, 0xff));
}

test("the bytes of a hello", () => {
  const expected = {
    "sha3-512": "68656c6f 0000001a 0100 8001 0008 736861332d353132 8002 0004 00020000 100de480",
    blake3: "68656c6f 00000018 0100 8001 0006 626c616b6533 8002 0004 00020000 311e3538",
  };
  for (const digest of DIGEST_NAMES) {
    const bytes = Buffer.from(encodeHello({ ...DEFAULT_HASHING, digest }));
    assert.equal(bytes.toString("hex"), expected[digest].replaceAll(" ", ""));
    const fields = [helloField(DIGEST_TAG, digest), helloField(0x8002, Buffer.of(0, 2, 0, 0))];
    assert.deepEqual(bytes, helloFrame(fields));
  }
});

describe("a hello that is understood", () => {
  const accepted: [what: string, hello: Uint8Array][] = [
    ["as this version writes it", hello("blake3")],
    ["of a later minor version", helloFrame([BLAKE3], [1, 9])],
    ["with optional fields around the digest", around(helloField(1, "sha3-512"))],
    ["with an optional field that has no value", around(helloField(0x7fff, ""))],
    ["as long as it may be", helloFrame([padding(MAX_BODY_LENGTH, BLAKE3), BLAKE3])],
  ];

  function around(field: Uint8Array): Uint8Array {
    return helloFrame([field, BLAKE3, field]);
  }

  for (const [what, greeting] of accepted)
    test(what, () => {
      const all = Buffer.concat([greeting, DONE]);
      assert.deepEqual(decodeHashFrames(all, 0), {
        frames: [],
        consumed: all.length,
        done: true,
        hello: BLAKE3_HASHING,
      });
    });

  test("tells how long the digests are that follow", () => {
    for (const digest of DIGEST_NAMES) {
      const bytes = new Uint8Array(DIGEST_LENGTHS[digest]).map((_, i) => i + 1);
      const frames = [
        frame("Hash", [131_072n, 7], bytes),
        deprecatedHash(9, bytes),
        restFrame(5),
        frame("Hash", [0n, 3], bytes),
      ];
      assert.deepEqual(readHashStream([Buffer.concat([hello(digest), ...frames, DONE])]), [
        { kind: "hash", position: 131_072, length: 7, digest: Buffer.from(bytes) },
        { kind: "hash", position: undefined, length: 9, digest: Buffer.from(bytes) },
        { kind: "rest", offset: 5 },
        { kind: "hash", position: 0, length: 3, digest: Buffer.from(bytes) },
      ]);
    }
  });

  test("split at every byte", () => {
    const digest = Buffer.alloc(32, 7);
    const optional = helloField(3, "for later");
    const all = Buffer.concat([
      helloFrame([optional, BLAKE3, optional], [1, 3]),
      frame("Hash", [0n, 1], digest),
      frame("Hash", [1n, 2], digest),
      DONE,
    ]);
    const frames = [
      { kind: "hash", position: 0, length: 1, digest },
      { kind: "hash", position: 1, length: 2, digest },
    ];
    for (let at = 0; at <= all.length; at++)
      assert.deepEqual(readHashStream([all.subarray(0, at), all.subarray(at)]), frames, `${at}`);
    const bytes = Array.from(all, (_, at) => all.subarray(at, at + 1));
    assert.deepEqual(readHashStream(bytes), frames);
  });

  test("until it is whole, nothing of it is consumed", () => {
    const all = hello("blake3");
    for (let length = 0; length < all.length; length++)
      assert.deepEqual(decodeHashFrames(all.subarray(0, length), 0), {
        frames: [],
        consumed: 0,
        done: false,
        hello: DEFAULT_HASHING,
      });
  });
});

/** A decoder that has read a hello, and where the stream goes on. */
function greeted(digest: string): { decoder: HashDecoder; streamOffset: number } {
  const decoder = new HashDecoder();
  return { decoder, streamOffset: decoder.decode(hello(digest), 0).consumed };
}

test("without a hello the digests are those of the one before these bytes", () => {
  const digest = Buffer.alloc(32, 9);
  const bytes = frame("Hash", [4n, 2], digest);
  const { decoder, streamOffset } = greeted("blake3");
  assert.deepEqual(decoder.decode(bytes, streamOffset), {
    frames: [{ streamOffset, kind: "hash", position: 4, length: 2, digest }],
    consumed: 48,
    done: false,
  });
});

test("frames are written with the digests of the algorithm that is named", () => {
  const digests = Buffer.alloc(64, "ab");
  const expected = [
    frame("Hash", [10n, 100], digests.subarray(0, 32)),
    frame("Hash", [110n, 1], digests.subarray(32)),
  ];
  assert.deepEqual(
    Buffer.from(encodeHashFrames(10, 101, 100, digests, "blake3")),
    Buffer.concat(expected),
  );
  assert.throws(() => encodeHashFrames(10, 100, 100, digests, "blake3"), RangeError);
  assert.throws(() => encodeHashFrames(10, 101, 100, digests, "sha3-512"), RangeError);
});

describe("a hello that is refused", () => {
  const cut = (bytes: number): Uint8Array => helloFrame([BLAKE3, Buffer.alloc(bytes)]);
  const badLength = (length: number): [string, Uint8Array, string] => [
    `with a length of ${length}`,
    rawHello(length, Buffer.alloc(10)),
    `length ${length} in a \`helo\` frame is not from 6 to 4084`,
  ];
  const [beyond, noDigest] = ["reaches beyond its end", "names no digest"];

  function changed(bytes: Buffer): Buffer {
    return Buffer.from(bytes).fill("!", bytes.length - 5, bytes.length - 4);
  }

  const bad: [what: string, hello: Uint8Array, words: string][] = [
    ...[0, 1, 5, MAX_BODY_LENGTH + 1, 2 ** 31, 2 ** 32 - 1].map(badLength),
    ["with no fields", helloFrame([]), noDigest],
    ["with optional fields only", helloFrame([helloField(1, "blake3")]), noDigest],
    ...[1, 2, 3].map((bytes): [string, Uint8Array, string] => [
      `with ${bytes} bytes of a field's header`,
      cut(bytes),
      beyond,
    ]),
    ["with two digests", helloFrame([BLAKE3, BLAKE3]), "has field 1 twice"],
    ["with a value one byte too long", helloFrame([helloField(DIGEST_TAG, "blake3", 7)]), beyond],
    ["with a huge value", helloFrame([BLAKE3, helloField(1, "", 0xffff)]), beyond],
    ["with a length that ends inside a field", helloFrame([BLAKE3.subarray(0, -1)]), beyond],
    ["with another byte in it", changed(hello("blake3")), "checksum of the `helo` frame is wrong"],
  ];

  const unknown: [what: string, hello: Uint8Array, words: string][] = [
    ["of major version 2", helloFrame([BLAKE3], [2, 0]), "is of version 2.0, not 1"],
    ["of major version 0", helloFrame([BLAKE3], [0, 255]), "is of version 0.255, not 1"],
    ["of another version in another form", helloFrame([Buffer.alloc(1)], [7, 1]), "version 7.1"],
    ["with field 8, required", required(8), "needs field 8, which is unknown"],
    ["with the size, required", required(4), "needs field 4, which is unknown"],
    ["with field 32767, required", required(0x7fff), "needs field 32767, which is unknown"],
    ["with field 0, required", required(0), "needs field 0, which is unknown"],
    ["with another digest", hello("sha3-256"), "the digest `sha3-256` is unknown"],
    ["with a digest in capitals", hello("BLAKE3"), "the digest `BLAKE3` is unknown"],
    ["with a digest and more after its name", hello("blake3 "), "the digest `blake3 ` is"],
    ["with a digest that every object has", hello("toString"), "the digest `toString` is"],
    ["with a digest of endless name", hello("x".repeat(4000)), `\`${"x".repeat(32)}\` is unknown`],
    ["with a digest without a name", hello(""), "the digest `` is unknown"],
  ];

  function required(field: number): Uint8Array {
    return helloFrame([BLAKE3, helloField(0x8000 | field, "x")]);
  }

  const refused: [ProtocolErrorCode, typeof bad][] = [
    ["bad-hello", bad],
    ["unsupported", unknown],
  ];
  for (const [code, list] of refused)
    for (const [what, greeting, words] of list)
      test(what, () => {
        for (const bytes of [greeting, Buffer.concat([greeting, DONE])]) {
          assertRefused(() => decodeHashFrames(bytes, 0), code, 0, words);
          const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
          assertRefused(() => readHashStream(single), code, 0, words);
        }
      });

  test("as soon as its length is there, when that is wrong", () => {
    for (const length of [0, 1, 5, MAX_BODY_LENGTH + 1, 2 ** 32 - 1])
      assertRefused(() => decodeHashFrames(rawHello(length), 0), "bad-hello", 0, `${length}`);
    for (const length of [VERSION_LENGTH + CRC_LENGTH, MAX_BODY_LENGTH])
      assert.equal(decodeHashFrames(rawHello(length), 0).consumed, 0);
  });

  test("anywhere but at the beginning, as soon as its command is there", () => {
    const words = "a `helo` frame not at the beginning";
    const before = frame("Hash", [0n, 1], Buffer.alloc(64));
    for (const greeting of [hello("sha3-512"), rawHello(0), Buffer.from("helo")]) {
      for (const offset of [80, 1, 2 ** 40])
        assertRefused(() => decodeHashFrames(greeting, offset), "bad-hello", offset, words);
      const after = Buffer.concat([before, greeting]);
      assertRefused(() => decodeHashFrames(after, 0), "bad-hello", 80, words);
      const twice = Buffer.concat([hello("blake3"), greeting]);
      assertRefused(() => decodeHashFrames(twice, 0), "bad-hello", 24, words);
      assertRefused(() => readHashStream([twice]), "bad-hello", 24, words);
    }
  });

  test("in the block stream", () => {
    for (const greeting of [hello("blake3"), Buffer.from("helo")])
      assertRefused(
        () => decodeBlockFrames(greeting, 0, greeting.length, 0),
        "other-stream",
        0,
        "a `helo` frame of a hash stream",
      );
  });

  test("with nothing that a terminal obeys in the message", () => {
    const name = "\x1b]0;title\x07\x9b31m\r\n\x7f\\'";
    const { message } = protocolErrorOf(() => decodeHashFrames(hello(name), 0));
    const shown = "\\x1b]0;title\\x07\\x9b31m\\x0d\\x0a\\x7f\\x5c\\x27";
    assert.equal(
      message,
      `the digest \`${shown}\` is unknown here, at byte 0 of the hash input stream`,
    );
    const every = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    assert.match(protocolErrorOf(() => decodeHashFrames(hello(every), 0)).message, /^[ -~]*$/);
  });
});

test("a hello that is cut off: how much of how much is there", () => {
  const all = hello("blake3");
  for (let length = 1; length < all.length; length++) {
    const part = length < 4 ? "command" : "hello";
    const needed = length < 4 ? 4 : length < 8 ? 8 : 24;
    const error = hashStreamEnded(all.subarray(0, length), 0);
    assert.deepEqual(
      [error.code, error.offset, error.message],
      [
        length < 4 ? "truncated-command" : "truncated-frame",
        0,
        `incomplete read of ${part} from hash input stream, at byte 0 (${length} of ${needed} bytes)`,
      ],
    );
    assert.throws(() => readHashStream([all.subarray(0, length)]), {
      message: error.message,
    });
  }
});

test("a frame that is cut off: how much, by the length of its digest", () => {
  const { decoder, streamOffset } = greeted("blake3");
  for (const [command, needed] of [
    ["Hash", 48],
    ["hash", 40],
  ] as const)
    assert.equal(
      decoder.ended(Buffer.from(command), streamOffset).message,
      `incomplete read of hash from hash input stream, at byte 24 (4 of ${needed} bytes)`,
    );
});
