// The proof of the digests of a copy over several streams, and the file that a later stream hands over for it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Division } from "../../src/blocks/division.ts";
import { PartsDigest } from "../../src/blocks/parts-digest.ts";
import { HandOver } from "../../src/digests/hand-over.ts";
import { PartsProof } from "../../src/digests/parts-proof.ts";
import { loadAddon } from "../../src/native/load.ts";
import { Spool } from "../../src/transport/streams/spool.ts";
import { noise } from "../support/files/files.ts";

const native = loadAddon();
const MIB = 2 ** 20;
const hashing = { digest: "blake3", blockSize: MIB } as const;

/** Bytes in the source, and the digest of each of its blocks. */
const SIZE = 10 * MIB + 5;
const DIGESTS = noise("digests", 11 * 32);

/** Three parts, of 4, 4 and 2 blocks of the destination; the last one also has the block after its end. */
const OLD_SIZE = 10 * MIB;
const division = new Division([{ start: 0, end: OLD_SIZE }], 4 * MIB, MIB);

/** The stream that has taken each part. */
const TAKERS = Buffer.of(2, 1, 2);

/** The claim of each stream's source, for a source of `size` bytes. */
function claims(size = SIZE, takers: Uint8Array = TAKERS): Uint8Array[] {
  return [1, 2].map((stream) => {
    const found = new PartsDigest(native, hashing);
    for (let position = 0; position < size; position += MIB) {
      const block = position / MIB;
      if (takers[Math.min(2, Math.floor(block / 4))] !== stream) continue;
      const length = Math.min(MIB, size - position);
      found.add([{ position, length }], DIGESTS.subarray(block * 32, (block + 1) * 32));
    }
    return found.finish(size);
  });
}

/** True if the digests of a destination of `all` bytes are those of the source. */
function holds(
  given: Partial<ConstructorParameters<typeof PartsProof>[1]> = {},
  { digests = DIGESTS, all = SIZE } = {},
): boolean {
  const described = { hashing, division, takers: TAKERS, claims: claims(), size: SIZE, ...given };
  const proof = new PartsProof(native, described, all);
  // Batches that begin and end within parts.
  for (let at = 0; at < all; at += 3 * MIB) {
    const length = Math.min(3 * MIB, all - at);
    const from = (at / MIB) * 32;
    proof.add(at, length, digests.subarray(from, from + Math.ceil(length / MIB) * 32));
  }
  return proof.holds();
}

test("digests are proved by what the sources of all streams say, and by nothing less", () => {
  assert.ok(holds());
  for (let block = 0; block < 11; block += 1) {
    const digests = Buffer.from(DIGESTS);
    digests[block * 32] = (digests[block * 32] ?? 0) ^ 1;
    assert.ok(!holds({}, { digests }), `block ${block}`);
  }
  const [first = Buffer.of(), second = Buffer.of()] = claims();
  const wrong: Parameters<typeof holds>[0][] = [
    { claims: [second, first] },
    { claims: [first] },
    { size: SIZE + 1 },
    { size: SIZE - 1 },
    { takers: Buffer.of(2, 1) },
    { takers: Buffer.of(2, 1, 1) },
    { takers: Buffer.of(2, 1, 3) },
    { takers: Buffer.of(2, 0, 2) },
    { hashing: { ...hashing, blockSize: 2 * MIB } },
  ];
  for (const given of wrong) assert.ok(!holds(given), JSON.stringify(given));
});

test("a destination that is longer than its source, whose end was not compared", () => {
  const size = 9 * MIB;
  assert.ok(holds({ size, claims: claims(size) }, { all: OLD_SIZE }));
  // The digest of the block in which the source ends is that of another one.
  const odd = size + 1;
  assert.ok(!holds({ size: odd, claims: claims(odd) }, { all: OLD_SIZE }));
  assert.ok(!holds({}, { all: OLD_SIZE }));
});

test("only a process that has finished has handed anything over", async () => {
  const spool = await Spool.create();
  const read = (): ReturnType<typeof HandOver.read> => HandOver.read("blake3", spool.descriptor);
  assert.equal(await read(), undefined);
  const handOver = new HandOver("blake3", spool);
  const digest = noise("digest", 32);
  await handOver.written.add([{ position: MIB, streamOffset: 0 } as never], [MIB], digest);
  await handOver.written.end();
  assert.equal(await read(), undefined);
  const parts = noise("parts", 64);
  await handOver.finish({ parts, size: SIZE, old: "right" });
  const found = await read();
  assert.deepEqual(
    [found?.size, Buffer.from(found?.parts ?? []), found?.old],
    [SIZE, parts, "right"],
  );
  const blocks = [];
  for await (const some of found?.written.all() ?? []) blocks.push(...some);
  assert.deepEqual(blocks, [{ position: MIB, length: MIB, digest }]);
  // The process that takes the place of this one.
  Spool.over(spool.descriptor).empty();
  assert.equal(await read(), undefined);
});
