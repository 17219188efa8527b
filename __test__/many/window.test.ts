// The memory that the reads of several destinations share, where it is short.
import assert from "node:assert/strict";
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { MAX_BATCH_LENGTH } from "../../src/blocks/digest-batches.ts";
import type * as Binding from "../../src/native/binding.js";
import { loadAddon } from "../../src/native/load.ts";
import { DIGEST_LENGTHS } from "../../src/protocol/digest.ts";
import type { Reading } from "../../src/stages/retrieve/reads.ts";
import { Beginning } from "../../src/stages/retrieve/shared/beginning.ts";
import { SharedReads } from "../../src/stages/retrieve/shared/shared-reads.ts";
import { type Seat, Window } from "../../src/stages/retrieve/shared/window.ts";
import { BLOCK, scratch, text } from "../support/files/files.ts";

const native = loadAddon();
const engine = new native.Engine({});

const HASHING = { digest: "blake3", blockSize: BLOCK } as const;

const BLOCKS_OF_CHUNK = MAX_BATCH_LENGTH / BLOCK;

const ZSTD: Binding.Compression = { codec: "zstd", level: 3 };

/** Destinations of one source. */
class Readers {
  readonly window: Window;
  readonly #source: Binding.Source;
  readonly #reads: SharedReads[];
  readonly #seats: Seat[];
  readonly #slabs: Binding.Slab[];

  constructor(source: Binding.Source, count: number) {
    this.#source = source;
    this.window = new Window({ native, engine }, source, HASHING);
    this.#seats = Array.from({ length: count }, () => this.window.join());
    this.#slabs = this.#seats.map(() => new native.Slab(1, MAX_BATCH_LENGTH + 2 ** 18));
    const place = { window: this.window, beginning: new Beginning(), most: 1 };
    this.#reads = this.#seats.map(
      (seat) => new SharedReads({ native, engine }, source, { ...place, seat }),
    );
  }

  /** Ends what is kept for a reader. */
  leave(reader: number): void {
    const seat = this.#seats[reader];
    assert.ok(seat);
    this.window.leave(seat);
  }

  /** Waits until the chunks that are read ahead are in memory. */
  async settled(): Promise<void> {
    await sleep(20);
  }

  /** Compares a chunk for a reader, which differs in the blocks of these numbers. */
  async compare(reader: number, chunk: number, changed: readonly number[]): Promise<Compared> {
    const blocks = Array.from({ length: BLOCKS_OF_CHUNK }, (_, at) => ({
      position: chunk * MAX_BATCH_LENGTH + at * BLOCK,
      length: BLOCK,
    }));
    const digests = await this.#digestsOf(reader, blocks);
    for (const at of changed)
      digests.fill(0, at * DIGEST_LENGTHS.blake3, at * DIGEST_LENGTHS.blake3 + 8);
    const reading = await this.#reads[reader]?.begin({
      batch: { blocks, digests, bytes: MAX_BATCH_LENGTH },
      hashing: HASHING,
      hashed: true,
      compressor: { current: ZSTD },
      omitZeros: true,
    });
    assert.ok(reading);
    const diff = await reading.diff;
    assert.deepEqual(
      diff.changed.map(({ index }) => index),
      changed,
    );
    return { reading, blocks: diff.changed };
  }

  async #digestsOf(reader: number, blocks: Binding.Range[]): Promise<Buffer> {
    const slab = this.#slabs[reader];
    assert.ok(slab);
    const { digests } = await engine.diff(this.#source, slab, 0, {
      blocks,
      digests: undefined,
      algorithm: HASHING.digest,
      hashed: true,
      compression: { codec: "raw" },
      omitZeros: true,
    });
    return Buffer.from(digests);
  }
}

/** A batch that is compared and not yet released. */
interface Compared {
  reading: Reading;
  blocks: readonly Binding.Block[];
}

/** The payload of a block, as it would be sent. */
function payloadOf({ reading, blocks }: Compared, index: number): Buffer {
  const block = blocks.find((found) => found.index === index);
  assert.ok(block);
  return Buffer.from(reading.memory.subarray(block.offset, block.offset + block.length));
}

/** Opens a source of chunks that begin with these bytes and go on with zeros. */
function sourceOf(t: TestContext, bytes: Buffer, chunks = 1): Promise<Binding.Source> {
  const path = join(scratch(t), "source");
  const fd = openSync(path, "w");
  for (let at = 0; at < chunks; at += 1)
    writeSync(fd, bytes, 0, bytes.length, at * MAX_BATCH_LENGTH);
  ftruncateSync(fd, chunks * MAX_BATCH_LENGTH);
  closeSync(fd);
  return engine.openSource(path, "auto");
}

test("blocks that another has compressed stay as they are when no memory is left for more", async (t) => {
  const source = text("source", MAX_BATCH_LENGTH);
  const readers = new Readers(await sourceOf(t, source), 2);
  const early = await readers.compare(0, 0, [1, 2, 3, 4]);
  const expected = [1, 2, 3, 4].map((at) => payloadOf(early, at));
  early.reading.release();
  while (readers.window.pool.take(0) !== undefined);
  const late = await readers.compare(1, 0, [3, 4, 5]);
  assert.deepEqual(payloadOf(late, 3), expected[2]);
  assert.deepEqual(payloadOf(late, 4), expected[3]);
  assert.deepEqual(payloadOf(late, 5), source.subarray(5 * BLOCK, 6 * BLOCK));
  late.reading.release();
});

test("readers that are a whole window ahead wait for one that lags for a moment", async (t) => {
  const chunks = 66;
  const readers = new Readers(await sourceOf(t, text("source", BLOCK), chunks), 4);
  const passAll = async (reader: number): Promise<void> => {
    for (let chunk = 0; chunk < chunks; chunk += 1)
      (await readers.compare(reader, chunk, [])).reading.release();
  };
  // However many wait, the time counts once.
  const ahead = Promise.all([0, 1, 2].map(passAll));
  assert.equal(await Promise.race([ahead, sleep(1200, "waits")]), "waits");
  await Promise.all([ahead, passAll(3)]);
  assert.equal(readers.window.bytesRead, chunks * MAX_BATCH_LENGTH);
});

test("15 destinations that have stopped leave memory for the last one", async (t) => {
  const stopped = 15;
  const chunks = 2 * stopped + 6;
  const source = await sourceOf(t, text("source", 3 * BLOCK), chunks);
  const readers = new Readers(source, stopped + 2);
  const [last, helper] = [stopped, stopped + 1];
  const waiting: Compared[] = [];
  for (let reader = 0; reader < stopped; reader += 1) {
    // The helper has compressed a part of what the other wants, which needs memory for two parts then.
    const passing = await readers.compare(helper, 2 * reader, [1]);
    if (reader === stopped - 1) readers.leave(helper);
    await readers.settled();
    waiting.push(await readers.compare(reader, 2 * reader, [1, 2]));
    passing.reading.release();
  }
  for (let chunk = 0; chunk < chunks; chunk += 1)
    (await readers.compare(last, chunk, [1])).reading.release();
  for (const { reading } of waiting) reading.release();
});
