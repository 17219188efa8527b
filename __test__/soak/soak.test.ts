// The quick part of `npm run test:soak`: a few rounds on this host, and what it judges by.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defer } from "../support/cleanup.ts";
import { scratch } from "../support/files/files.ts";
import { EXIT } from "../support/programs/cli.ts";
import { expected } from "./expected.ts";
import { assertFlat } from "./long-lived/flat.ts";
import { afterRefusal } from "./options.ts";
import { runRound, type Soak } from "./rounds.ts";

/** Its rounds reach `sync`, the stages and a delta. */
const SEED = 1;

const ROUNDS = [1, 2, 3];

test("random copies here leave the bytes that they should, and nothing else", async (t) => {
  const folder = scratch(t);
  const { TMPDIR } = process.env;
  defer(t, () => {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
  });
  process.env["TMPDIR"] = join(folder, "tmp");
  mkdirSync(join(folder, "tmp"));
  const soak: Soak = { seed: SEED, folder, hasHosts: false, counts: new Map() };
  for (const round of ROUNDS) await runRound(soak, round);
  assert.ok((soak.counts.get("copies") ?? 0) > ROUNDS.length, "fewer copies than rounds");
});

test("the oracle: parts, ranges, and lengths that differ", () => {
  const source = Buffer.from("0123456789");
  const task = { source, isDevice: false };
  const after = (destination: string, ...given: [string, string | true][]): string =>
    expected({ ...task, destination: Buffer.from(destination), given: new Map(given) }).toString();
  assert.equal(after("abcdefghijkl"), "0123456789kl");
  assert.equal(after("abcdefghijkl", ["--truncate", true]), "0123456789");
  assert.equal(after("abc"), "0123456789");
  assert.equal(after("abc", ["--truncate", true], ["--end", "1"]), "0bc");
  assert.equal(after("abcdefghijkl", ["--truncate", true], ["--end", "1"]), "0bcdefghij");
  assert.equal(after("abcdefghij", ["--start", "2"], ["--end", "4"]), "ab23efghij");
  const [unit, ranges] = [new Map([["--block-size", "4K"]]), [[5000, 1]] as const];
  const long = Buffer.alloc(12_288, "s");
  const copied = expected({
    ...task,
    source: long,
    destination: Buffer.alloc(12_288, "d"),
    given: unit,
    ranges,
  });
  assert.equal(copied.toString(), "d".repeat(4096) + "s".repeat(4096) + "d".repeat(4096));
});

test("growth is found, and noise is not growth", () => {
  const samples = (values: number[]): { fds: number }[] => values.map((fds) => ({ fds }));
  assertFlat(samples([1, 9, 20, 21, 20, 21, 20, 20, 21, 20, 20, 21]), { fds: 0 }, "it");
  const leak = samples([20, 20, 20, 21, 21, 21, 22, 22, 22, 23, 23, 23]);
  assert.throws(() => assertFlat(leak, { fds: 0 }, "it"), /fds of it grows: 20 20/);
});

test("a refusal must name an option that was given, or sizes that differ", () => {
  const facts = { sizes: { source: 1, destination: 1 }, isDevice: false };
  const refused = (message: string, ...names: string[]): string[] => {
    const given = new Map(names.map((name) => [name, true] as const));
    const outcome = { code: EXIT.usage, signal: null, stdout: Buffer.alloc(0), stderr: message };
    return [...afterRefusal(outcome, given, "sync", facts).keys()];
  };
  const conflict = "ERROR (sync): --ranges does not work with --start; leave one out\n";
  assert.deepEqual(refused(conflict, "--ranges", "--start"), ["--start"]);
  assert.throws(() => refused(conflict, "--sparse"), /an option that was not given/);
  const sizes = "ERROR (sync): the source a has 1 bytes and the destination 1; give another\n";
  assert.throws(() => refused(sizes, "--sparse"), /refused without a reason/);
  facts.sizes.source = 2;
  // The second is refused with the first: a way out must not lead back.
  assert.deepEqual(refused(sizes, "--wire"), ["--create"]);
});
