// Attacks on each command that reads what others have made.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXIT, quote, run } from "../../support/programs/cli.ts";
import { dirty, nbd, thinDelta } from "../../support/wire/range-maps.ts";
import { DONE, decodeHashes, hashStream } from "../../support/wire/frames.ts";
import { mutated } from "../mutate.ts";
import { Random } from "../random.ts";
import { repaired } from "../repair.ts";
import { events as eventTarget } from "../targets/events.ts";
import { rangeMap } from "../targets/ranges.ts";
import { assertApplied, assertWithin } from "./oracle.ts";
import { assertShowable, attack } from "./program.ts";
import { blocks, hashes, OLD, SIZE } from "./grammar.ts";

/** An attack with random input, in an empty folder. */
type Try = (folder: string, random: Random) => Promise<void>;

async function save(folder: string, random: Random): Promise<void> {
  const stream = blocks(random);
  writeFileSync(join(folder, "to"), OLD);
  writeFileSync(join(folder, "next"), OLD);
  const options = [
    "--sparse",
    "--force",
    "--verify=written",
    "--verify=full",
    "-t",
    "-p",
    "--truncate",
  ];
  const chosen = options.filter(() => random.once(5));
  const outcome = await attack({
    folder,
    mayChange: ["to"],
    args: ["save", ...chosen, join(folder, "to")],
    options: { stdin: stream },
  });
  const after = readFileSync(join(folder, "to"));
  if (chosen.includes("--truncate")) return;
  if (outcome.code === EXIT.ok) assertApplied(OLD, stream, after);
  else assertWithin(OLD, stream, after);
}

async function retrieve(folder: string, random: Random): Promise<void> {
  writeFileSync(join(folder, "from"), OLD);
  const stream = hashes(random);
  const outcome = await attack({
    folder,
    args: ["retrieve", join(folder, "from")],
    options: { stdin: stream },
  });
  const isWhole =
    outcome.stdout.subarray(-DONE.length).equals(DONE) || outcome.stdout.includes("donetail");
  if (outcome.code === EXIT.ok) {
    assert.ok(stream.includes(DONE), "success without the end of the stream");
    assert.ok(isWhole || outcome.stdout.length === 0, "success with a part of the answer");
  } else assert.ok(!isWhole, "a whole answer, and a failure");
}

async function inspect(folder: string, random: Random): Promise<void> {
  const file = join(folder, "stream");
  writeFileSync(file, random.once(2) ? blocks(random) : hashes(random));
  const form = random.of([[], ["--json"], ["--summary"], ["--summary", "--json"]]);
  const outcome = await attack({ folder, args: ["inspect", ...form, file] });
  assert.ok([EXIT.ok, EXIT.protocol].includes(outcome.code as 0), `exit code ${outcome.code}`);
  assertShowable(outcome.stdout.toString());
}

async function ranges(folder: string, random: Random): Promise<void> {
  const [file, map] = [join(folder, "file"), join(folder, "map")];
  writeFileSync(file, OLD);
  const sound = [
    "0 4096\n131072 1\n",
    thinDelta('<different begin="0" length="3"/><same begin="3" length="1"/>'),
    nbd(dirty(0, 65536), [65536, 4096, 0, "clean"]),
  ].map((text) => Buffer.from(text));
  const words = (rangeMap.words ?? []).map((word) => Buffer.from(word));
  writeFileSync(map, mutated(random.of(sound), random, { words, others: sound }), { mode: 0o600 });
  const outcome = await attack({ folder, args: ["checksum", "--ranges", map, file] });
  if (outcome.code !== EXIT.ok) return;
  assertDigestsOfFile(decodeHashes(outcome.stdout));
}

/** Asserts that the digests in a hash stream are those of the file. */
function assertDigestsOfFile(lines: ReturnType<typeof decodeHashes>): void {
  for (const { frame, position = 0, length = 0, digest } of lines) {
    if (frame !== "Hash") continue;
    const [own] = decodeHashes(hashStream(OLD, { start: position, end: position + length }));
    assert.equal(digest, own?.digest, `the digest at ${position}`);
  }
}

async function cache(folder: string, random: Random): Promise<void> {
  const [file, digests] = [join(folder, "file"), join(folder, "digests")];
  writeFileSync(file, OLD);
  const { stdout } = await run(["checksum", "--extended", file]);
  const made = await run(["save", "--update-digests", digests, file], { stdin: Buffer.from(DONE) });
  assert.equal(made.code, EXIT.ok, made.stderr);
  const whole = readFileSync(digests);
  const words = ["helo", "Hash", "rest", "root", "done"].map((word) => Buffer.from(word));
  const changed = mutated(whole, random, { words, others: [whole, stdout] });
  writeFileSync(digests, random.once(4) ? changed : repaired(changed));
  const args = ["checksum", "--extended", "--cached", digests, file];
  const outcome = await attack({ folder, mayChange: ["digests"], args });
  if (outcome.code !== EXIT.ok) return;
  const helo = 8 + outcome.stdout.readUInt32BE(4);
  const root = outcome.stdout.lastIndexOf("root");
  assertDigestsOfFile(decodeHashes(Buffer.concat([outcome.stdout.subarray(0, root), DONE]), helo));
}

/** A script in place of ssh and of all that is on the host: says something, reads its input, and sends a stream. */
function fakeHost(
  folder: string,
  [first, last]: readonly [Uint8Array, Uint8Array],
  stream: Uint8Array,
): string {
  const place = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes);
    return quote([join(folder, name)]);
  };
  const rsh = join(folder, "rsh");
  const script = [
    "exec 3<&0",
    `cat ${place("first", first)} >&2`,
    `cat <&3 > /dev/null & cat ${place("stream", stream)}`,
    "exec >&-; wait",
    `cat ${place("last", last)} >&2`,
  ];
  writeFileSync(rsh, `#!/bin/bash\n${script.join("\n")}\n`);
  chmodSync(rsh, 0o755);
  return rsh;
}

/** The events of a host: mostly those that a stage prints, in between changed ones. */
function said(random: Random): [Uint8Array, Uint8Array] {
  const sound = [...eventTarget.seeds()].map((seed) => seed.subarray(1));
  const words = (eventTarget.words ?? []).map((word) => Buffer.from(word, "latin1"));
  const change = (line: string): Uint8Array =>
    random.once(8)
      ? mutated(Buffer.from(line), random, { words, others: sound })
      : Buffer.from(line);
  const extra = random.once(3) ? [random.of(sound)] : [];
  const long = random.once(12)
    ? [Buffer.from(`{"event":"warning","message":"${"\\u001b[1m".repeat(40_000)}"}\n`)]
    : [];
  return [
    Buffer.concat([
      change('{"event":"hello","blockcopy":"0.1.0","events":1}\n'),
      change(`{"event":"begin","total":${SIZE},"instance":null}\n`),
      ...extra,
      ...long,
    ]),
    Buffer.concat([
      change(`{"event":"progress","done":${SIZE},"counts":{"changed":0}}\n`),
      change('{"event":"end","outcome":null,"proof":{"verified":"none","changed":0}}\n'),
    ]),
  ];
}

async function syncFrom(folder: string, random: Random): Promise<void> {
  const stream = blocks(random);
  writeFileSync(join(folder, "to"), OLD);
  const rsh = fakeHost(folder, said(random), stream);
  const options = random.of([
    [],
    ["--end", "100000"],
    ["--create"],
    ["--verify", "written"],
    ["--wire", "0.0.2"],
  ]);
  const digest = options.includes("--wire") ? [] : ["--digest", "sha3-512"];
  const ends = ["host:/from", join(folder, "to")];
  const args = ["sync", "-e", rsh, "--remote-command", "x", ...digest, ...options, ...ends];
  const outcome = await attack({ folder, mayChange: ["to"], args });
  const after = readFileSync(join(folder, "to"));
  if (outcome.code === EXIT.ok) assertApplied(OLD, stream, after);
  else assertWithin(OLD, stream, after);
  if (options.includes("--end"))
    assert.ok(after.subarray(100_000).equals(OLD.subarray(100_000)), "after --end");
  if (!options.includes("--create")) assert.equal(after.length, SIZE, "another length");
}

async function syncTo(folder: string, random: Random): Promise<void> {
  writeFileSync(join(folder, "from"), OLD);
  const rsh = fakeHost(folder, said(random), hashes(random));
  const options = random.of([[], ["--verify", "written"], ["--wire", "0.0.2"], ["--json"]]);
  const ends = [join(folder, "from"), "host:/to"];
  const args = ["sync", "-e", rsh, "--remote-command", "x", ...options, ...ends];
  const outcome = await attack({ folder, args });
  assertShowable(outcome.stdout.toString());
}

/** The attacks, by the names of what they attack. */
export const ATTACKS: Readonly<Record<string, Try>> = {
  attack_save: save,
  attack_retrieve: retrieve,
  attack_inspect: inspect,
  attack_ranges: ranges,
  attack_cache: cache,
  attack_sync_source: syncFrom,
  attack_sync_destination: syncTo,
};

/** Carries out the attack that a seed decides, in a folder of its own. */
export async function carryOut(name: string, seed: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-attack-"));
  try {
    await ATTACKS[name]?.(folder, new Random(seed));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
