// A copy that may take only a part of the link.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { parseRate } from "../../src/commands/options/rate.ts";
import { type Clock, Pace, paced } from "../../src/transport/streams/pace.ts";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { noise } from "../support/files/files.ts";
import { lackingHosts, sync } from "../support/hosts/hosts.ts";
import { assertSynced, pair, SOURCE } from "../support/programs/sync-pair.ts";

/** Digests of many small blocks. */
const SMALL = ["--extended", "--block-size", "4K"];

/** A clock whose sleepers wake up as late as they are told, one after the other. */
class FakeClock implements Clock {
  time = 0;
  readonly #late: number[];

  constructor(late: readonly number[] = []) {
    this.#late = [...late];
  }

  now(): number {
    return this.time;
  }

  sleep(milliseconds: number): Promise<void> {
    this.time += milliseconds + (this.#late.shift() ?? 0);
    return Promise.resolve();
  }
}

/** The pieces that are written, and their times. */
type Written = { at: number; bytes: number }[];

/** Writes `total` bytes in pieces, where each write takes as long as `takes` says. */
async function write(
  pace: Pace,
  clock: FakeClock,
  total: number,
  takes: readonly number[] = [],
): Promise<Written> {
  const written: Written = [];
  for (let left = total; left > 0;) {
    await pace.ready();
    const bytes = Math.min(left, pace.piece);
    written.push({ at: clock.time, bytes });
    clock.time += takes[written.length - 1] ?? 0;
    pace.wrote(bytes);
    left -= bytes;
  }
  return written;
}

test("in no stretch of time more than its share and a tenth of a second's, or a byte", async () => {
  const delay = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1e9 }), delay, delay, async (rate, late, takes) => {
      const clock = new FakeClock(late);
      const pace = new Pace(rate, clock);
      assert.ok(pace.piece === 1 || pace.piece <= rate / 10, `${pace.piece}`);
      const written = await write(pace, clock, pace.piece * 70 + 1, takes);
      for (const [first, { at: from }] of written.entries()) {
        let bytes = 0;
        for (const piece of written.slice(first)) {
          bytes += piece.bytes;
          const most = (rate * (piece.at - from)) / 1000 + rate / 10 + 1 + 1e-6 * rate;
          assert.ok(bytes <= most, `${bytes} bytes in ${piece.at - from} ms at ${rate}`);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("takes as long as it should, also when each sleep is late, and does not wait at the end", async () => {
  for (const late of [0, 5, 60]) {
    const clock = new FakeClock(Array.from({ length: 10_000 }, () => late));
    const written = await write(new Pace(20 * 2 ** 20, clock), clock, 2 ** 30);
    const seconds = clock.time / 1000;
    assert.ok(Math.abs(seconds - 1024 / 20) < 0.3, `${seconds} s`);
    assert.equal(written.at(-1)?.at, clock.time);
  }
});

test("a chunk is passed on in pieces, in order", async () => {
  const clock = new FakeClock();
  const pace = new Pace(1000, clock);
  const chunks = [noise(1, 25), noise(2, 0), noise(3, 10)];
  const pieces: Uint8Array[] = [];
  for await (const piece of paced(chunks, pace)) pieces.push(Uint8Array.from(piece));
  assert.deepEqual(
    pieces.map(({ length }) => length),
    [10, 10, 5, 10],
  );
  assert.deepEqual(Buffer.concat(pieces), Buffer.concat(chunks));
});

test("forms of a rate", () => {
  const rates: [string, number][] = [
    ["20M", 20 * 2 ** 20],
    ["20MiB", 20 * 2 ** 20],
    ["20MB", 20e6],
    ["1.5k", 1536],
    ["1G", 2 ** 30],
    ["7B", 7],
  ];
  for (const [text, bytes] of rates) assert.equal(parseRate(text), bytes);
  for (const text of ["", "M", "0", "0K", "20s", "-1K", "1.5B", "20 M", "20Mbit", "1e3K"])
    assert.throws(() => parseRate(text), /rate|through|whole/, text);
  assert.throws(() => parseRate("1000"), /rsync.* KiB.*give 1000K/);
});

test("a number without a unit is refused", async (t) => {
  const { from, to } = pair(t);
  for (const words of [
    ["sync", from, to],
    ["checksum", from],
    ["retrieve", from],
  ]) {
    const outcome = await run([...words, "--bwlimit", "1000"]);
    assertFailed(outcome, EXIT.usage, words[0] ?? "", /has no unit/, /give 1000K/);
  }
});

/** Asserts that this number of bytes was not sent sooner than allowed, with what goes at once at the beginning. */
async function assertSlow(copy: () => Promise<number>, rate: number): Promise<void> {
  const begun = performance.now();
  const bytes = await copy();
  const took = performance.now() - begun;
  assert.ok(took > (bytes / rate - 0.1) * 1000, `${bytes} bytes in ${took} ms`);
}

test("the blocks go no faster", async (t) => {
  const { from, to } = pair(t, { destination: Buffer.alloc(SOURCE.length, 7) });
  await assertSlow(
    async () => {
      assertSynced(await run(["sync", "--bwlimit", "2M", from, to]), to);
      return SOURCE.length;
    },
    2 * 2 ** 20,
  );
});

test("nor do the digests", async (t) => {
  const { to } = pair(t);
  await assertSlow(async () => {
    const digests = await run(["checksum", ...SMALL, "--bwlimit", "50KB", to]);
    assert.equal(digests.code, EXIT.ok, digests.stderr);
    return digests.stdout.length;
  }, 50_000);
});

test("both ends of a copy between hosts are told", { skip: lackingHosts }, async (t) => {
  const { from, to } = pair(t);
  const { code, stderr } = await sync(["-v", "--bwlimit", "1.5M", `two:${from}`, `one:${to}`]);
  assert.equal(code, EXIT.ok, stderr);
  for (const side of ["two: .*blockcopy retrieve", "one: .*blockcopy receive"])
    assert.match(stderr, new RegExp(`^blockcopy sync: ${side} .*--bwlimit=1572864B `, "m"));
  assertSame(readFileSync(to), SOURCE);
});
