// The answers of several sources, merged to one delta.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { setImmediate as pause } from "node:timers/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { loadAddon } from "../../src/native/load.ts";
import { HashDecoder } from "../../src/protocol/hash-stream/decoder.ts";
import type { HashFrame } from "../../src/protocol/hash-stream/frames.ts";
import { Gather } from "../../src/sync/gather/gather.ts";
import { SharedSpool } from "../../src/transport/streams/shared-spool.ts";
import { mulberry32 } from "../support/mulberry32.ts";
import {
  blckFrame,
  decodeExtendedBlocks,
  type ExtendedBlocks,
  headFrame,
  markFrame,
  rootFrame,
  type Sealed,
  sealedHello,
  whole,
  zeroFrame,
} from "../support/wire/extended.ts";
import { field, u32, u64 } from "../support/wire/description-frames.ts";
import { DONE, hashFrame, restFrame } from "../support/wire/frames.ts";
import { rootOf } from "../support/wire/root-digest.ts";

const native = loadAddon();
const engine = new native.Engine({});

const BLOCK = 4096;
const MIB = 2 ** 20;

/** A file whose blocks are numbers; 0 is a block of zeros. */
interface Model {
  size: number;
  blocks: number[];
}

/** The blocks of a file: where each begins, how long it is, and its digest. */
function blocksOf({ size, blocks }: Model): { position: number; length: number; digest: Buffer }[] {
  return blocks.map((content, index) => {
    const position = index * BLOCK;
    const length = Math.min(BLOCK, size - position);
    return { position, length, digest: digestOf(content, length) };
  });
}

function digestOf(content: number, length: number): Buffer {
  if (content === 0) return Buffer.from(engine.zeroDigest("blake3", length));
  const digest = Buffer.alloc(32, 0x5a);
  digest.writeUInt32BE(content, 4);
  digest.writeUInt32BE(length, 8);
  return digest;
}

function rootOfModel(model: Model): Buffer {
  const digests = blocksOf(model).map(({ digest }) => digest);
  return Buffer.from(rootOf(model.size, "blake3", digests, BLOCK), "hex");
}

/** The digests of a destination, as `receive` sends them. */
function digestStream(destination: Model): Buffer {
  const { size } = destination;
  const root = rootOfModel(destination);
  const frames = [
    ...blocksOf(destination).map(({ position, length, digest }) =>
      whole(hashFrame(position, length, digest)),
    ),
    whole(restFrame(size)),
  ];
  return Buffer.concat([
    sealedHello({ digest: "blake3", blockSize: BLOCK, size, root }),
    ...frames.map(({ bytes }) => bytes),
    rootFrame(frames),
    DONE,
  ]);
}

/** Ways in which a source departs from what it was asked for. */
interface Lies {
  /** Changes what it sends; by default nothing. */
  send?: undefined | ((frames: Sealed[]) => Sealed[]);
  /** The size that it names. */
  size?: number;
  /** It ends before it has answered a mark. */
  endsEarly?: boolean;
}

/** Answers digests in the plainest way. */
class PlainSource {
  readonly #model: Model;
  readonly #lies: Lies;
  readonly #decoder = new HashDecoder();
  #rest: Buffer = Buffer.alloc(0);
  #offset = 0;
  #last: (HashFrame & { kind: "hash" }) | undefined;
  readonly #sent: Sealed[] = [];
  readonly #parts = createHash("sha3-512");

  constructor(model: Model, lies: Lies) {
    this.#model = model;
    this.#lies = lies;
    this.#parts.update("blockcopy parts 1 blake3\n").update(u32(BLOCK));
  }

  /** Returns the answer to the next bytes of the digests. */
  answer(chunk: Uint8Array): Buffer {
    const isFirst = this.#offset === 0;
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const { frames, consumed, done } = this.#decoder.decode(this.#rest, this.#offset);
    this.#rest = Buffer.from(this.#rest.subarray(consumed));
    this.#offset += consumed;
    const answers = frames.flatMap((frame) => this.#to(frame));
    if (done && this.#last !== undefined) answers.push(...this.#compare(this.#last));
    const sent = (this.#lies.send ?? ((all) => all))(answers);
    this.#sent.push(...sent);
    return Buffer.concat([
      ...(isFirst && consumed > 0 ? [this.#head()] : []),
      ...sent.map(({ bytes }) => bytes),
      ...(done ? [rootFrame(this.#sent, undefined, [field(4, this.#digest())]), DONE] : []),
    ]);
  }

  #head(): Buffer {
    const { size = 0, root = Buffer.alloc(64) } = this.#decoder.hello ?? {};
    const source = [field(1, u64(this.#lies.size ?? this.#model.size))];
    return headFrame({ digest: "blake3", blockSize: BLOCK, base: { size, root }, source });
  }

  #digest(): Buffer {
    return this.#parts.copy().update(u64(this.#model.size)).digest();
  }

  #to(frame: HashFrame): Sealed[] {
    const last = this.#last;
    this.#last = undefined;
    if (frame.kind === "rest") {
      const isWithin = last !== undefined && frame.offset < this.#model.size;
      const begin = isWithin ? (last.position ?? 0) : frame.offset;
      const before = last === undefined || isWithin ? [] : this.#compare(last);
      const rest = blocksOf(this.#model).filter(({ position }) => position >= begin);
      return [...before, ...rest.flatMap((block) => this.#send(block))];
    }
    const before = last === undefined ? [] : this.#compare(last);
    if (frame.kind === "mark") return [...before, markFrame(frame.offset)];
    if (frame.length === BLOCK) return [...before, ...this.#compare(frame)];
    this.#last = { ...frame, digest: Buffer.from(frame.digest) };
    return before;
  }

  #compare({ position = 0, digest }: HashFrame & { kind: "hash" }): Sealed[] {
    if (position >= this.#model.size) return [];
    const block = this.#blockAt(position);
    if (Buffer.compare(block.digest, digest) === 0) {
      this.#count(block);
      return [];
    }
    return this.#send(block);
  }

  #send(block: ReturnType<typeof blocksOf>[number]): Sealed[] {
    this.#count(block);
    const { position, length, digest } = block;
    if (this.#model.blocks[position / BLOCK] === 0) return [zeroFrame(position, length)];
    const payload = Buffer.alloc(1 + (position % 7), 3);
    return [blckFrame({ position, block: length, codec: 2, digest, payload })];
  }

  #count({ position, length, digest }: ReturnType<typeof blocksOf>[number]): void {
    this.#parts.update(u64(position)).update(u32(length)).update(digest);
  }

  #blockAt(position: number): ReturnType<typeof blocksOf>[number] {
    const length = Math.min(BLOCK, this.#model.size - position);
    const digest = digestOf(this.#model.blocks[position / BLOCK] ?? 0, length);
    return { position, length, digest };
  }
}

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

/** A model of `size` bytes, with many blocks of zeros. */
function anyModel(size: number, random: () => number): Model {
  const blocks = Array.from({ length: Math.ceil(size / BLOCK) }, () =>
    random() < 0.2 ? 0 : Math.ceil(random() * 1000),
  );
  return { size, blocks };
}

/** `before` at another size, with a share of its blocks changed. */
function changed(before: Model, size: number, share: number, random: () => number): Model {
  const { blocks } = anyModel(size, random);
  return {
    size,
    blocks: blocks.map((other, index) =>
      random() < share ? other : (before.blocks[index] ?? other),
    ),
  };
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
