// The answers of several sources, merged to one delta.
import assert from "node:assert/strict";
import { setImmediate as pause } from "node:timers/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { loadAddon } from "../../src/native/load.ts";
import { Gather } from "../../src/sync/gather/gather.ts";
import { SharedSpool } from "../../src/transport/streams/shared-spool.ts";
import { mulberry32 } from "../support/mulberry32.ts";
import {
  blckFrame,
  decodeExtendedBlocks,
  type ExtendedBlocks,
  markFrame,
  rootFrame,
  type Sealed,
  sealedHello,
  whole,
  zeroFrame,
} from "../support/wire/extended.ts";
import { DONE, hashFrame, restFrame } from "../support/wire/frames.ts";
import {
  anyModel,
  BLOCK,
  blocksOf,
  changed,
  digestOf,
  digestStream,
  type Model,
  rootOfModel,
} from "./numbered-file.ts";
import { type Lies, PlainSource } from "./plain-source.ts";

const native = loadAddon();
const engine = new native.Engine({});

const MIB = 2 ** 20;

/** The copy of a test. */
interface Run {
  destination: Model;
  source: Model;
  streams: number;
  seed: number;
  /** The stream that is slow, if there is one. */
  slow?: number;
  /** Ways in which the second source departs from the digests. */
  lies?: Lies;
  /** The digests, if they are not those of the destination. */
  digests?: Buffer;
}

/** Merges what several sources answer, in an order that the seed decides. */
async function gathered(run: Run): Promise<Buffer> {
  const { destination, source, streams, seed, slow, lies } = run;
  const digests = run.digests ?? digestStream(destination);
  const random = mulberry32(seed);
  const written: Buffer[] = [];
  const gather = new Gather(
    { native, engine },
    {
      streams,
      spool: await SharedSpool.create(tmpdir(), "keeping parts"),
      write: async (chunk) => {
        written.push(Buffer.from(chunk));
        await idle(random() * 3);
      },
      explain: (_role, error) => error,
    },
  );
  const feed = async (): Promise<void> => {
    for (const piece of cut(digests, random)) await gather.takeDigests(piece);
    gather.digestsClosed();
  };
  const answers = async (stream: number): Promise<void> => {
    const plain = new PlainSource(source, stream === 1 ? (lies ?? {}) : {});
    const take = gather.answerTo(stream);
    try {
      for await (const chunk of gather.digestsFor(stream)) {
        if (stream === 1 && lies?.endsEarly === true && random() < 0.5) return;
        await idle(stream === slow ? 60 : random() * 4);
        for (const piece of cut(plain.answer(chunk), random)) {
          // As a pipe does, which is read into the same memory again.
          const memory = Buffer.from(piece);
          await take(memory);
          memory.fill(0xdd);
        }
      }
    } finally {
      gather.answerClosed(stream);
      gather.sourceEnded();
    }
  };
  const all = Array.from({ length: streams }, (_, stream) => answers(stream));
  const results = await Promise.allSettled([feed(), ...all]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  await gather.finish();
  return Buffer.concat(written);
}

async function idle(turns: number): Promise<void> {
  for (let turn = 0; turn < Math.floor(turns); turn += 1) await pause();
}

/** Cuts bytes anywhere, some of them in tiny pieces. */
function* cut(bytes: Buffer, random: () => number): Generator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const length = Math.ceil(random() < 0.1 ? random() * 9 : random() * 200_000);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** Asserts that a delta makes one model of the other, has only what differs, and proves that. */
function assertDelta(delta: Buffer, { source, destination }: Pick<Run, "source" | "destination">) {
  const { head, frames, root, after }: ExtendedBlocks = decodeExtendedBlocks(delta);
  assert.equal(after.length, 0);
  const base = head.fields.get(0x8012);
  assert.equal(base?.readBigUInt64BE(), BigInt(destination.size));
  assert.deepEqual(base?.subarray(8), rootOfModel(destination));
  assert.deepEqual(root.fields.get(3)?.subarray(4, 68), rootOfModel(source));
  const digests = new Map<number, Buffer>();
  for (const { position, block, digest, command } of frames)
    for (let at = position; at < position + block; at += BLOCK) {
      const length = Math.min(BLOCK, position + block - at);
      digests.set(at, command === "zero" ? digestOf(0, length) : digest);
    }
  const before = blocksOf(destination);
  for (const { position, digest } of blocksOf(source)) {
    const old = before[position / BLOCK]?.digest;
    const isSame = old !== undefined && Buffer.compare(old, digest) === 0;
    assert.equal(digests.has(position), !isSame, `the block at ${position}`);
    assert.deepEqual(digests.get(position) ?? old, digest);
    digests.delete(position);
  }
  assert.equal(digests.size, 0, "blocks that the source does not have");
}

test("whatever the order in which sources answer, the delta is that of one", async () => {
  const size = fc.nat(26 * MIB);
  const property = fc.asyncProperty(
    fc.record({
      streams: fc.integer({ min: 1, max: 5 }),
      size,
      other: fc.option(size, { nil: undefined }),
      share: fc.constantFrom(0, 0.001, 0.3, 1),
      seed: fc.integer(),
      slow: fc.option(fc.nat(4), { nil: undefined }),
    }),
    async ({ streams, size: bytes, other = bytes, share, seed, slow = -1 }) => {
      const random = mulberry32(seed);
      const destination = anyModel(bytes, random);
      const source = changed(destination, other, share, random);
      const delta = await gathered({ destination, source, streams, seed, slow });
      assertDelta(delta, { source, destination });
    },
  );
  await fc.assert(property, { numRuns: 15, interruptAfterTimeLimit: 8000 });
});

test("a source that leaves out, adds or changes something is found out", async () => {
  const random = mulberry32(7);
  const destination = anyModel(20 * MIB + 5, random);
  const source = changed(destination, 20 * MIB + 5, 0.01, random);
  const run = { destination, source, streams: 3, seed: 7 };
  assertDelta(await gathered(run), run);
  let blocks = 0;
  /** Changes the third block that the source sends. */
  const third =
    (change: (frame: Sealed) => Sealed[]): Lies["send"] =>
    (frames) =>
      frames.flatMap((frame) => {
        const isThird = frame.bytes.toString("latin1", 0, 4) === "blck" && (blocks += 1) === 3;
        return isThird ? change(frame) : [frame];
      });
  const positionOf = ({ bytes }: Sealed): number => Number(bytes.readBigUInt64BE(4));
  const digest = Buffer.alloc(32, 1);
  const payload = Buffer.of(1);
  const blck = (position: number, block: number): Sealed =>
    blckFrame({ position, block, codec: 2, digest, payload });
  const notCompared = /the blocks are not those that the source has compared/;
  const notAsked = /that was not asked for/;
  const lies: [Lies, RegExp][] = [
    [{ send: third(() => []) }, notCompared],
    [{ send: third((frame) => [frame, frame]) }, /steps back/],
    [{ send: third((frame) => [blck(positionOf(frame), BLOCK)]) }, notCompared],
    [{ send: third((frame) => [blck(positionOf(frame), BLOCK - 1)]) }, notAsked],
    [{ send: third((frame) => [blck(positionOf(frame), 2 * BLOCK)]) }, notAsked],
    [{ send: third((frame) => [zeroFrame(positionOf(frame), 8 * MIB)]) }, notAsked],
    [{ send: third((frame) => [frame, markFrame(positionOf(frame) + BLOCK)]) }, /has not asked/],
    [{ size: 20 * MIB }, /the source has \d+ bytes, and had \d+ for another stream/],
    [{ endsEarly: true }, /closed unexpectedly|is not complete/],
  ];
  for (const [lie, message] of lies) {
    blocks = 0;
    await assert.rejects(gathered({ ...run, lies: lie }), message);
  }
});

test("digests of a destination that lack something are refused", async () => {
  const random = mulberry32(3);
  const destination = anyModel(9 * MIB, random);
  const { size } = destination;
  const blocks = blocksOf(destination).map(({ position, length, digest }) =>
    whole(hashFrame(position, length, digest)),
  );
  const [rest, root] = [whole(restFrame(size)), rootOfModel(destination)];
  const streamOf = (frames: Sealed[], hello = { size, root }): Buffer =>
    Buffer.concat([
      sealedHello({ digest: "blake3", blockSize: BLOCK, ...hello }),
      ...frames.map(({ bytes }) => bytes),
      rootFrame(frames),
      DONE,
    ]);
  const good = streamOf([...blocks, rest]);
  assert.deepEqual(good, digestStream(destination));
  const without = (index: number): Sealed[] => blocks.filter((_, place) => place !== index);
  const streams: [Buffer, RegExp][] = [
    [streamOf([...without(5), rest]), /not those of all blocks in order/],
    [streamOf([...without(blocks.length - 1), rest]), /not those of all blocks in order/],
    [streamOf(blocks), /not those of all blocks,/],
    [streamOf([...blocks, rest], { size: size - 1, root }), /not those of all blocks in order/],
    [
      sealedHello({ digest: "blake3", blockSize: BLOCK, size }),
      /do not name the size and the root/,
    ],
    [good.subarray(0, good.length - 5), /incomplete read|closed unexpectedly/],
    [good.subarray(0, 100_000), /incomplete read of hash/],
    [Buffer.concat([Buffer.from("Last login: "), good]), /unknown command/],
  ];
  for (const [stream, message] of streams) {
    const source = destination;
    const run = { destination, source, streams: 2, seed: 1, digests: stream };
    await assert.rejects(gathered(run), message);
  }
});
