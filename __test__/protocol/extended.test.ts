// The frames of extended streams: their bytes, and what may be in them.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BlockDecoder } from "../../src/protocol/block-stream/decoder.ts";
import { BLOCK_CODECS } from "../../src/protocol/codec.ts";
import { descriptionLength, encodeDescription } from "../../src/protocol/description.ts";
import { HashDecoder } from "../../src/protocol/hash-stream/decoder.ts";
import { HashEncoder } from "../../src/protocol/hash-stream/encoder.ts";
import { encodeHead } from "../../src/protocol/block-stream/head.ts";
import { encodeRecordHeader, encodeZeros } from "../../src/protocol/block-stream/record.ts";
import { MAX_POSITION } from "../../src/protocol/limits.ts";
import { decodeRootDigest, type RootDigest } from "../../src/protocol/root-digest.ts";
import { Seal } from "../../src/protocol/seal.ts";
import { descriptionFrame, field, u32, u64 } from "../support/wire/description-frames.ts";
import {
  blckFrame,
  decodeExtendedBlocks,
  headFrame,
  rootValue,
  type Sealed,
  sealedHello,
  sealedStream,
  whole,
  zeroFrame,
} from "../support/wire/extended.ts";
import { readBlocks, readHashes } from "../support/wire/read-extended.ts";
import { HEAD, HELLO } from "../support/wire/sample-streams.ts";
import { DONE, hashFrame, restFrame } from "../support/wire/frames.ts";

const ROOT: RootDigest = { digest: "blake3", blockSize: 4096, root: new Uint8Array(64).fill(5) };
const ROOT_VALUE = rootValue(ROOT.root, "blake3", 4096);
const HASHING = { digest: "blake3", blockSize: 4096 } as const;

describe("the bytes", () => {
  test("of a sealed hash stream", () => {
    const encoder = new HashEncoder(HASHING, { accepts: BLOCK_CODECS });
    const digests = Buffer.alloc(64, "ab");
    const written = [
      ...encoder.begin(),
      encoder.blocks(0, 5000, digests),
      encoder.rest(5000),
      ...encoder.end(ROOT),
    ];
    const frames = [
      hashFrame(0, 4096, digests.subarray(0, 32)),
      hashFrame(4096, 904, digests.subarray(32)),
      restFrame(5000),
    ].map(whole);
    const expected = sealedStream(sealedHello(HASHING), frames, ROOT_VALUE);
    assert.deepEqual(Buffer.concat(written), expected);
  });

  test("of one that says up to where it asks, in a dry run", () => {
    const asked = { accepts: BLOCK_CODECS, end: 2 ** 53 - 1, dryRun: true };
    const [written = new Uint8Array()] = new HashEncoder(HASHING, asked).begin();
    const expected = sealedHello({ ...HASHING, end: 2 ** 53 - 1, dryRun: true });
    assert.deepEqual(Buffer.from(written), expected);
    assert.deepEqual(readHello(written), { ...HASHING, ...asked, version: "1.0" });
  });

  test("of one with nothing in it", () => {
    const encoder = new HashEncoder(HASHING, { accepts: [] });
    assert.deepEqual(
      Buffer.concat([...encoder.begin(), ...encoder.end(undefined)]),
      sealedStream(sealedHello({ ...HASHING, accepts: [] }), []),
    );
  });

  test("of the beginning of a kept one: as long before its root is known as after that", () => {
    const about = { size: 9, identity: "device wwid x" };
    const encoder = new HashEncoder(HASHING, { accepts: ["raw"], ...about });
    const [room] = encoder.begin({ reserveRoot: true });
    const withRoot = encoder.beginWith(ROOT);
    const fields = { ...HASHING, accepts: ["raw"], ...about };
    assert.deepEqual(Buffer.from(withRoot), sealedHello({ ...fields, root: ROOT.root }));
    const empty = [room, withRoot].map((bytes = new Uint8Array()) => readHello(bytes));
    assert.deepEqual(empty[0], { ...fields, version: "1.0" });
    assert.deepEqual(empty[1], { ...fields, version: "1.0", root: ROOT.root });
    assert.equal(room?.length, withRoot.length);
  });

  test("of a head", () => {
    const base = { size: 12_345, root: Buffer.alloc(64, 9) };
    assert.deepEqual(Buffer.from(encodeHead({ ...HASHING, source: {} })), headFrame(HASHING));
    const source = [field(1, u64(7)), field(2, "device"), field(3, u32(0o640))];
    assert.deepEqual(
      Buffer.from(
        encodeHead({ ...HASHING, source: { size: 7, kind: "device", mode: 0o640 }, base, end: 6 }),
      ),
      headFrame({ ...HASHING, source, base, end: 6 }),
    );
  });

  test("of records and their seal", () => {
    const seal = new Seal();
    const digest = Buffer.alloc(32, 3);
    const payload = Buffer.from("payload");
    const parts = [];
    const sealed: Sealed[] = [];
    for (const [number, codec] of BLOCK_CODECS.entries()) {
      const block = codec === "raw" ? 7 : 2 ** 24;
      const position = 2 ** 40 + number * 2 ** 30;
      const header = encodeRecordHeader({ position, block, codec, length: 7, digest });
      seal.addRecord(header);
      parts.push(header, payload);
      sealed.push(blckFrame({ position, block, codec: number, digest, payload }));
    }
    const zeros = encodeZeros(2 ** 53 - 2, 1);
    seal.addRecord(zeros);
    sealed.push(zeroFrame(2 ** 53 - 2, 1));
    const written = [encodeHead({ ...HASHING, source: {} }), ...parts, zeros, seal.encode(ROOT)];
    const stream = Buffer.concat([...written, DONE]);
    assert.deepEqual(stream, sealedStream(headFrame(HASHING), sealed, ROOT_VALUE));
    assert.deepEqual(
      decodeExtendedBlocks(stream).frames.map(({ codec }) => codec),
      [...BLOCK_CODECS, "zeros"],
    );
  });

  test("only of what a reader accepts", () => {
    const digest = new Uint8Array(32);
    const record = { position: 0, block: 5, codec: "raw" as const, length: 5, digest };
    for (const wrong of [
      { position: -1 },
      { position: 2 ** 53 - 5 },
      { block: 0 },
      { block: 2 ** 24 + 1 },
      { length: 0 },
      { length: 6 },
    ])
      assert.throws(() => encodeRecordHeader({ ...record, ...wrong }), RangeError);
    for (const [position, length] of [
      [0, 0],
      [0, 2 ** 24 + 1],
      [2 ** 53 - 1, 1],
    ] as const)
      assert.throws(() => encodeZeros(position, length), RangeError);
    assert.throws(
      () => new HashEncoder(HASHING, { identity: "x".repeat(5000) }).begin(),
      RangeError,
    );
  });
});

function readHello(bytes: Uint8Array): ReturnType<typeof readHashes>["hello"] {
  return readHashes([bytes, sealedStream(Buffer.alloc(0), [])]).hello;
}

function readHead(bytes: Uint8Array): ReturnType<typeof readBlocks>["head"] {
  return readBlocks([bytes, sealedStream(Buffer.alloc(0), [])]).head;
}

test("codecs that are unknown are passed over, and raw need not be named", () => {
  for (const [accepts, known] of [
    ["", ["raw"]],
    ["lz5 zstd  RAW lz4", ["raw", "zstd", "lz4"]],
    ["lz4 raw raw", ["raw", "lz4"]],
    ["toString length 0", ["raw"]],
  ] as const)
    assert.deepEqual(
      readHashes([sealedStream(sealedHello({ accepts: [accepts] }), [])]).hello?.accepts,
      known,
    );
});

test("later minor versions and optional fields that are unknown are read", () => {
  const later = field(0x7abc, "later");
  const digest = field(0x8001, "blake3");
  const greeting = descriptionFrame("helo", [later, digest, field(0x8003, "raw"), later], [1, 9]);
  assert.deepEqual(readHello(greeting), {
    ...HASHING,
    blockSize: 131_072,
    accepts: ["raw"],
    version: "1.9",
  });
  const fields = [later, field(0x8010, "blake3"), field(0x8011, u32(4096)), later];
  const head = { ...HASHING, source: {}, base: undefined, end: undefined, version: "1.200" };
  assert.deepEqual(readHead(descriptionFrame("head", fields, [1, 200])), head);
  const seal = [later, field(0x8001, u64(0)), field(0x8002, u32(0)), later];
  for (const [begin, read] of [
    [HELLO, readHashes],
    [HEAD, readBlocks],
  ] as const)
    assert.equal(read([begin, descriptionFrame("root", seal, [1, 1]), DONE]).root, undefined);
});

test("a root over digests of an unknown algorithm is ignored", () => {
  const root = rootValue(ROOT.root, "sha4");
  assert.equal(readHashes([sealedStream(HELLO, [], root)]).root, undefined);
  assert.deepEqual(readHashes([sealedStream(HELLO, [], ROOT_VALUE)]).root, ROOT);
  assert.deepEqual(readBlocks([sealedStream(HEAD, [], ROOT_VALUE)]).root, ROOT);
});

test("facts about a stream do not change with the memory that it was read into", () => {
  const hashes = Buffer.from(sealedStream(HELLO, [], ROOT_VALUE));
  const blocks = Buffer.from(sealedStream(HEAD, [], ROOT_VALUE));
  const [hashDecoder, blockDecoder] = [new HashDecoder(), new BlockDecoder()];
  hashDecoder.decode(hashes, 0);
  blockDecoder.decode(blocks, 0, blocks.length, 0);
  for (const bytes of [hashes, blocks]) bytes.fill(0xff);
  assert.deepEqual(hashDecoder.hello?.root, new Uint8Array(Buffer.alloc(64, "root")));
  assert.deepEqual(blockDecoder.head?.base?.root, new Uint8Array(Buffer.alloc(64, "root")));
  for (const { root } of [hashDecoder, blockDecoder]) assert.deepEqual(root, ROOT);
});

test("a description has at most 4092 bytes, and one as long as that is read", () => {
  const described = (length: number): Uint8Array =>
    encodeDescription("tail", [{ tag: 200, value: new Uint8Array(length) }]);
  const [start, header] = [{ stream: "block", command: "tail", offset: 0 } as const, 8 + 2 + 4 + 4];
  const longest = described(4092 - header);
  assert.equal(longest.length, 4092);
  assert.equal(descriptionLength(longest, start, "bad-tail"), 4092);
  assert.throws(() => described(4093 - header), RangeError);
  const longer = Buffer.from(longest);
  longer.writeUInt32BE(4093 - 8, 4);
  assert.throws(() => descriptionLength(longer, start, "bad-tail"), { code: "bad-tail" });
});

test("the destination that a delta is for may be as large as any", () => {
  const base = { size: MAX_POSITION, root: new Uint8Array(64) };
  const head = encodeHead({ ...HASHING, source: {}, base });
  const decoder = new BlockDecoder();
  decoder.decode(head, 0, head.length, 0);
  assert.deepEqual(decoder.head?.base, base);
});

test("a hash stream of blockcopy 0.0.2 has nothing before its blocks, and `done` after them", () => {
  const encoder = new HashEncoder(HASHING, undefined);
  assert.deepEqual(encoder.begin(), []);
  assert.deepEqual(Buffer.concat(encoder.end(undefined)), DONE);
});

test("the length of the data of a source is read as it was written", () => {
  for (const data of [0, 1, MAX_POSITION]) {
    const head = encodeHead({ ...HASHING, source: { size: MAX_POSITION, data } });
    const decoder = new BlockDecoder();
    decoder.decode(head, 0, head.length, 0);
    assert.deepEqual(decoder.head?.source, { size: MAX_POSITION, data });
  }
});

test("a root digest names an algorithm, and the size of blocks up to the largest", () => {
  const value = (blockSize: number, name: string): Buffer => rootValue(ROOT.root, name, blockSize);
  for (const blockSize of [1, 4096, 2 ** 24])
    assert.deepEqual(decodeRootDigest(value(blockSize, "blake3")), { ...ROOT, blockSize });
  for (const blockSize of [0, 2 ** 24 + 1])
    assert.equal(decodeRootDigest(value(blockSize, "blake3")), undefined);
  assert.equal(decodeRootDigest(value(4096, "")), undefined);
  assert.equal(decodeRootDigest(value(4096, "x")), null);
});
