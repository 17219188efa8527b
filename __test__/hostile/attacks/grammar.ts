// Streams that are nearly sound: their frames are dropped, repeated, moved and changed.
import {
  blckFrame,
  headFrame,
  sealedHello,
  sealedStream,
  whole,
  zeroFrame,
  type Sealed,
} from "../../support/wire/extended.ts";
import { field, u32, u64 } from "../../support/wire/description-frames.ts";
import { noise } from "../../support/files/files.ts";
import {
  dataFrame,
  dlzmFrame,
  DONE,
  hashFrame,
  restFrame,
  sha3,
  unequalHash,
  deprecatedHash,
} from "../../support/wire/frames.ts";
import { tailFrame, TAG } from "../../support/wire/trailer.ts";
import { mutated } from "../mutate.ts";
import type { Random } from "../random.ts";
import { repaired } from "../repair.ts";
import { lz4Zeros, xzZeros, zstdZeros } from "./bombs.ts";

/** Size of the files that are attacked: not a whole number of blocks. */
export const SIZE = 300_000;

/** Content of the files. */
export const OLD = noise("old", SIZE);

/** Positions and lengths where arithmetic goes wrong. */
function numberNear(random: Random): bigint {
  const base = random.of([0n, BigInt(SIZE), 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n]);
  return BigInt.asUintN(
    64,
    base + BigInt(random.below(20_000) - 10_000) / (random.once(2) ? 1n : 4096n),
  );
}

function position(random: Random, sound: number): number | bigint {
  return random.once(6) ? numberNear(random) : sound;
}

/** A block stream. */
export function blocks(random: Random): Buffer {
  return damaged(random.once(3) ? legacyBlocks(random) : extendedBlocks(random), random);
}

function legacyBlocks(random: Random): Buffer[] {
  const frames = Array.from({ length: random.below(6) }, (_, index) => {
    const at = position(random, index * 40_000 + random.below(9000));
    const payload = noise(`new ${index}`, 1 + random.below(9000));
    const length = random.once(9)
      ? random.of([0, 2 ** 24, 2 ** 24 + 1, 2 ** 32 - 1])
      : payload.length;
    return random.once(3)
      ? dlzmFrame(
          at,
          random.once(4) ? payload : xzZeros(random.of([1, 4096, 2 ** 24, 2 ** 24 + 1])),
        )
      : dataFrame(at, payload, length);
  });
  const trailer = tailFrame([
    [TAG.size, u64(random.of([0, SIZE, 2 ** 40]))],
    [TAG.mode, u32(0o600)],
  ]);
  return [...frames, DONE, random.once(2) ? trailer : Buffer.alloc(0)];
}

function extendedBlocks(random: Random): Buffer[] {
  const size = random.of([SIZE, SIZE, SIZE, 0, 1, 2 ** 53 - 1]);
  const owner = Buffer.concat([
    u32(2 ** 32 - 1),
    Buffer.from(random.of(["root", "\x1b[2J", "x".repeat(255)])),
  ]);
  const source = [field(1, u64(size)), field(2, random.of(["file", "device"])), field(6, owner)];
  const end = random.once(3) ? { end: random.of([0, SIZE, 2 ** 53 - 1]) } : {};
  const base = random.once(8) ? { base: { size: SIZE, root: Buffer.alloc(64) } } : {};
  const head = headFrame({ source: random.once(6) ? [] : source, ...end, ...base });
  const count = random.once(20) ? 400 : random.below(8);
  const frames: Sealed[] = Array.from({ length: count }, (_, index) => record(random, index));
  const stream = sealedStream(head, frames);
  const bodies = frames.map(({ bytes }) => bytes);
  const after = head.length + bodies.reduce((sum, { length }) => sum + length, 0);
  return [head, ...bodies, stream.subarray(after, -4), DONE];
}

function record(random: Random, index: number): Sealed {
  const at = position(random, index * 37_000 + random.below(4096));
  if (random.once(3)) return zeroFrame(at, random.of([1, 4096, 30_000, 2 ** 24, 2 ** 24 + 1]));
  const length = random.of([4096, 30_000, 131_072, 2 ** 24]);
  const zeros = (): Buffer => Buffer.alloc(length);
  switch (random.below(8)) {
    case 0:
      return blckFrame({
        position: at,
        block: length,
        codec: 2,
        digest: sha3(zeros()),
        payload: zstdZeros(length),
      });
    case 1:
      return blckFrame({
        position: at,
        block: length,
        codec: 1,
        digest: sha3(zeros()),
        payload: xzZeros(length),
      });
    case 2:
      return blckFrame({
        position: at,
        block: length,
        codec: 3,
        digest: sha3(zeros()),
        payload: lz4Zeros(length),
      });
    case 3: {
      // Decodes to another length than it says.
      const coded = random.of([zstdZeros, xzZeros, lz4Zeros])(random.of([2 ** 24, 2 ** 24 + 1]));
      return blckFrame({
        position: at,
        block: length,
        codec: random.below(5),
        digest: Buffer.alloc(64),
        payload: coded,
      });
    }
    default: {
      const payload = noise(`new ${index}`, 1 + random.below(30_000));
      const digest = random.once(9) ? Buffer.alloc(64) : sha3(payload);
      return blckFrame({ position: at, digest, payload, ...(random.once(12) ? { codec: 9 } : {}) });
    }
  }
}

/** A hash stream. */
export function hashes(random: Random): Buffer {
  const isLegacy = random.once(3);
  const hello = sealedHello({
    ...(random.once(2) ? { size: random.of([SIZE, 0, 2 ** 53 - 1]) } : {}),
    ...(random.once(3) ? { end: random.of([0, SIZE, 2 ** 53 - 1]) } : {}),
    ...(random.once(3) ? { root: Buffer.alloc(64, 1), identity: "device wwid x" } : {}),
    blockSize: random.of([4096, 131_072, 131_072, 2 ** 24]),
    dryRun: random.once(9),
  });
  const frames = Array.from({ length: random.once(20) ? 400 : random.below(6) }, (_, index) => {
    const at = position(random, index * 60_000);
    const length = random.once(6) ? random.of([0, 1, 2 ** 24, 2 ** 24 + 1, 2 ** 32 - 1]) : 60_000;
    if (random.once(9)) return deprecatedHash(length, 1);
    const content = typeof at === "bigint" ? Buffer.alloc(0) : OLD.subarray(at, at + length);
    return random.once(2) ? unequalHash(at, length) : hashFrame(at, length, sha3(content));
  });
  if (random.once(2)) frames.push(restFrame(position(random, SIZE)));
  if (isLegacy) return damaged([...frames, DONE], random);
  const stream = sealedStream(hello, frames.map(whole));
  const after = hello.length + frames.reduce((sum, { length }) => sum + length, 0);
  return damaged([hello, ...frames, stream.subarray(after, -4), DONE], random);
}

/** Joins frames, often after a change; its checksums are made right in most cases. */
function damaged(frames: readonly Buffer[], random: Random): Buffer {
  const list = [...frames];
  if (random.once(4) && list.length > 1) {
    const [from, to] = [random.below(list.length), random.below(list.length)];
    const frame = list[from] ?? DONE;
    if (random.once(2)) list.splice(from, 1);
    if (random.once(2)) list.splice(to, 0, frame);
  }
  let stream = Buffer.concat(list);
  if (random.once(4) && stream.length < 100_000)
    stream = Buffer.from(mutated(stream, random, { words: [DONE], others: [stream] }, Infinity));
  if (random.once(8)) stream = stream.subarray(0, random.below(stream.length + 1));
  return random.once(4) ? stream : repaired(stream);
}
