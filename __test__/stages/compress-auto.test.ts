// The choices of `--compress auto`, with given times: it never reads a clock itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Auto, compressor } from "../../src/stages/retrieve/compression.ts";

const LADDER = [
  { codec: "raw" },
  { codec: "lz4" },
  { codec: "zstd", level: 1 },
  { codec: "zstd", level: 9 },
  { codec: "xz" },
] as const;

const say = (): void => undefined;

/** Reports of batches that each take `took` milliseconds and wait for `waited` of them. */
class Run {
  readonly said: string[] = [];
  readonly auto = new Auto(LADDER, (message) => this.said.push(message));
  #now = 1000;

  /** The step of the ladder that it is at. */
  get step(): number {
    return LADDER.findIndex((step) => step === this.auto.current);
  }

  /** This number of batches, one after the other. */
  batches(count: number, took: number, waited: number): this {
    for (let i = 0; i < count; i++) {
      this.#now += took;
      this.auto.sent(this.#now, { waited });
    }
    return this;
  }
}

test("it begins with lz4, or with all there is", () => {
  assert.equal(new Run().step, 1);
  assert.deepEqual(new Auto([{ codec: "raw" }], () => undefined).current, { codec: "raw" });
});

test("it climbs to the top while the output waits, one step at a time, and says so", () => {
  const run = new Run();
  const steps = Array.from({ length: 40 }, () => run.batches(1, 100, 95).step);
  assert.deepEqual([...new Set(steps)], [1, 2, 3, 4]);
  assert.equal(run.step, 4);
  for (const [index, name] of ["zstd:1", "zstd:9", "lzma"].entries())
    assert.match(run.said[index] ?? "", new RegExp(`with ${name}: the output waited 9\\d % of`));
  assert.equal(run.said.length, 3);
});

test("it steps down to nothing while the output does not wait", () => {
  const run = new Run();
  run.batches(101, 100, 95);
  assert.equal(run.step, 4);
  const steps = Array.from({ length: 60 }, () => run.batches(1, 100, 0).step);
  assert.deepEqual([...new Set(steps)], [4, 3, 2, 1, 0]);
});

test("between the two it stays", () => {
  const run = new Run().batches(1000, 100, 60);
  assert.equal(run.step, 1);
  assert.deepEqual(run.said, []);
});

test("from LZ4 to nothing it takes more than from one that is slower", () => {
  // With no compression twice as much goes out: half of the time is not enough to gain by it.
  const run = new Run().batches(10, 100, 95);
  assert.equal(run.step, 3);
  run.batches(1000, 100, 50);
  assert.equal(run.step, 1);
  run.batches(8, 100, 30);
  assert.equal(run.step, 0);
});

test("batches that were not compressed as it says now tell nothing", () => {
  const run = new Run();
  for (let now = 1000; now < 9000; now += 100)
    run.auto.sent(now, { waited: 100, isTypical: false });
  assert.equal(run.step, 1);
});

test("it does not choose from a single batch, however long, nor from many in a moment", () => {
  assert.equal(new Run().batches(2, 10_000, 10_000).step, 1);
  assert.equal(new Run().batches(150, 1, 1).step, 1);
  assert.equal(new Run().batches(3, 10_000, 10_000).step, 2);
});

test("a level that was too slow is tried again only after a while", () => {
  const run = new Run();
  // The output waits up to zstd:1, and zstd:9 is too slow for it.
  const wait = (): number => (run.step <= 2 ? 95 : 2);
  const steps: number[] = [];
  for (let i = 0; i < 900; i++) steps.push(run.batches(1, 100, wait()).step);
  const changes = steps.filter((step, i) => i > 0 && step !== steps[i - 1]).length;
  // The first pause is of eight windows of four batches, and each later one twice as long.
  assert.ok(steps.filter((step) => step === 2).length > 0.8 * steps.length, "it mostly stays");
  assert.ok(steps.includes(3), "it tries what was too much");
  assert.ok(steps.lastIndexOf(3) > steps.length / 2, "and tries it again");
  assert.ok(changes <= 2 * Math.log2(steps.length / (4 * 8)) + 4, `${changes} changes`);
});

test("property: it is always on the ladder, moves one step at a time, and says each move", () => {
  const batch = fc.record({
    took: fc.integer({ min: 0, max: 900 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 300 }), (batches) => {
      const run = new Run();
      let before = run.step;
      let moves = 0;
      for (const { took, share } of batches) {
        run.batches(1, took, took * share);
        assert.ok(run.step >= 0 && Math.abs(run.step - before) <= 1);
        if (run.step !== before) moves += 1;
        before = run.step;
      }
      assert.equal(run.said.length, moves);
    }),
  );
});

test("the legacy protocol always uses xz", () => {
  const auto = compressor(
    { method: "auto", level: undefined },
    { accepts: undefined, legacy: true, say },
  );
  for (let now = 100; now < 2000; now += 100) auto.sent(now, { waited: 100 });
  assert.deepEqual(auto.current, { codec: "xzLegacy" });
});

test("it chooses only what the reader knows", () => {
  const auto = { method: "auto", level: undefined } as const;
  const codecs = (accepts: readonly ("raw" | "xz" | "zstd" | "lz4")[] | undefined): Set<string> => {
    const chosen = compressor(auto, { accepts, legacy: false, say });
    const seen = new Set([chosen.current.codec as string]);
    for (let now = 0; now < 10_000; now += 100) {
      chosen.sent(now, { waited: now < 5000 ? 100 : 0 });
      seen.add(chosen.current.codec);
    }
    return seen;
  };
  assert.deepEqual([...codecs(undefined)].toSorted(), ["raw", "xz"]);
  assert.deepEqual([...codecs(["raw"])], ["raw"]);
  assert.deepEqual([...codecs(["raw", "lz4"])].toSorted(), ["lz4", "raw"]);
  assert.deepEqual([...codecs(["raw", "xz", "zstd", "lz4"])].toSorted(), [
    "lz4",
    "raw",
    "xz",
    "zstd",
  ]);
  // A reader that accepts no codec known here still gets blocks as they are, so every reader must know `raw`.
  assert.deepEqual([...codecs([])], ["raw"]);
});
