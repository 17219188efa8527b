// Copies over several streams into a new file, or one that becomes longer: all streams carry what is missing.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { lackingHosts, script, sync } from "../support/hosts/hosts.ts";
import {
  assertFailed,
  assertSucceeded,
  COMMAND,
  EXIT,
  type Outcome,
  quote,
  run,
} from "../support/programs/cli.ts";
import { assertSynced, changedIn, pair, type Pair } from "../support/programs/sync-pair.ts";
import { lackingRoot, system } from "../support/programs/tools.ts";

const MIB = 2 ** 20;

/** Bytes of the shortest parts, but for the first and the last one. */
const PART = 4 * MIB;

/** Two parts and an odd end, with zeros where one part ends and another one begins. */
const SOURCE = Buffer.concat([
  noise("new", PART - 2 * BLOCK),
  Buffer.alloc(5 * BLOCK),
  noise("file", PART + 77),
]);

/** Copies over two connections to a host. `shell` is what they run: the command of a stage is `$*`. */
function copied(
  { folder, from, to }: Pair,
  shell: string,
  options: readonly string[],
): Promise<Outcome> {
  const rsh = join(folder, "rsh");
  script(rsh, `shift; cd ${quote([folder])}\n${shell}\nexec sh -c "$*"`);
  const remote = ["-e", rsh, "--remote-command", quote(COMMAND), "--compress", "none"];
  return run(["sync", "--streams", "2", ...remote, ...options, from, `host:${to}`], {
    cwd: folder,
  });
}

/** Carries what comes before the blocks, and some of them. */
const SOME = "stdbuf -o0 head -c 65536";

/** The first stream waits until the second one has started. */
const BOTH = `case $* in
*--part=1/2*) { ${SOME}; until [ -e second ]; do sleep 0.05; done; cat; } | sh -c "$*"; exit;;
*--part=2/2*) touch second;;
esac`;

interface Case {
  what: string;
  source?: Buffer;
  /** The destination before the copy; undefined if it does not exist. */
  old?: Buffer;
  options: readonly string[];
  expected?: Buffer;
}

const inside = changedIn(SOURCE, 0, 9).subarray(0, MIB + 5);

const CASES: readonly Case[] = [
  { what: "a source of 0 bytes", source: Buffer.alloc(0), options: ["--create"] },
  { what: "one byte", source: Buffer.of(7), options: ["--create", "--verify", "full"] },
  {
    what: "two parts of the shortest length",
    source: noise("two", 2 * PART),
    options: ["--create", "--verify", "written", "-t"],
  },
  { what: "an odd end", options: ["--create", "--verify", "full", "--block-size", "4K"] },
  { what: "zeros only", source: Buffer.alloc(2 * PART + 1), options: ["--create", "--sparse"] },
  {
    what: "an old end inside a block",
    old: inside,
    options: ["--create", "--verify", "full", "--digest", "sha3-512"],
  },
  {
    what: "an old end between two blocks, and zeros after it",
    old: changedIn(SOURCE, 3).subarray(0, PART),
    options: ["--truncate", "--verify", "written"],
  },
  {
    what: "from an offset on",
    old: inside,
    options: ["--create", "--start", "5000"],
    expected: Buffer.concat([inside.subarray(0, 5000), SOURCE.subarray(5000)]),
  },
];

describe("the destination becomes longer", { concurrency: true }, () => {
  for (const { what, source = SOURCE, old, options, expected = source } of CASES)
    test(what, async (t) => {
      const files = pair(t, { source, destination: old ?? Buffer.alloc(0) });
      if (old === undefined) rmSync(files.to);
      const outcome = await copied(files, BOTH, options);
      const verified = options.includes("full") || options.includes("written");
      assert.equal(/read back and/.test(outcome.stderr), verified, outcome.stderr);
      assertSynced(outcome, files.to, expected);
    });
});

test("a range map: what follows the old end is copied whatever it says", async (t) => {
  const files = pair(t, { source: SOURCE, destination: inside });
  writeFileSync(join(files.folder, "map"), "0 4096\n");
  const outcome = await copied(files, BOTH, ["--create", "--ranges", "map"]);
  const expected = Buffer.concat([
    SOURCE.subarray(0, BLOCK),
    inside.subarray(BLOCK),
    SOURCE.subarray(inside.length),
  ]);
  assertSynced(outcome, files.to, expected);
});

test("a connection that is stuck carries two parts of a new file, and the others the rest", async (t) => {
  const source = Buffer.concat([noise("stuck", 6 * PART), Buffer.alloc(2 * PART + 1)]);
  const files = pair(t, { source });
  rmSync(files.to);
  // It carries the rest once the other one is done.
  const stuck = `case $* in
*--part=1/2*) { ${SOME}; until [ -e second ]; do sleep 0.05; done; cat; } | sh -c "$*"; exit;;
*--part=2/2*) sh -c "$*"; code=$?; touch second; exit $code;;
esac`;
  const outcome = await copied(files, stuck, ["--create", "--verbose"]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(files.to), source);
  const taken = Array.from(outcome.stderr.matchAll(/stream (\d) takes the part/g), ([, n]) => n);
  assert.equal(taken.length, 9);
  assert.ok(taken.filter((stream) => stream === "1").length <= 2, outcome.stderr);
  // As a single stream would count them: zeros too.
  assert.match(outcome.stderr, /^Sync done .*: 257 blocks \(32\.00 MiB\) differed/m);
});

test("to another host, over direct connections", { skip: lackingHosts }, async (t) => {
  const { from, to } = pair(t, { source: SOURCE });
  rmSync(to);
  const options = ["--streams", "3", "--transport", "tls", "--create", "--verify", "full"];
  assertSynced(await sync([...options, from, `two:${to}`]), to, SOURCE);
});

test("a lost stream does its parts of a new file again", async (t) => {
  const files = pair(t, { source: SOURCE });
  rmSync(files.to);
  const lost = `case $* in
*--part=2/2*) if mkdir seen 2>&-; then
  { { dd bs=64K count=12 2>&-; touch gate; } | sh -c "$*" 2>&1 >&3 3>&- | grep --line-buffered -v '"event":"error"' >&2; } 3>&1
  echo "Connection to host closed." >&2
  exit 255
fi;;
*--part=*) { ${SOME}; until [ -e gate ]; do sleep 0.05; done; cat; } | sh -c "$*"; exit;;
esac`;
  const outcome = await copied(files, lost, ["--create", "--verify", "full"]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(files.to), SOURCE);
  assert.match(
    outcome.stderr,
    /^WARNING \(sync\): .*; stream 2 of 2 copies its parts again over a new connection \(1 of at most 3\)$/m,
  );
  assert.match(outcome.stderr, /^ {2}all parts read back and equal to the source, by 2 streams$/m);
});

test("a failure before the first write leaves no new file, and the length of an old one", async (t) => {
  // The head of the answer arrives, and no block.
  const cut = `case $* in *--part=1/2*) dd bs=64K count=1 2>&- | sh -c "$*"; exit;; esac; exit 9`;
  for (const old of [undefined, inside]) {
    const files = pair(t, { source: SOURCE, destination: old ?? Buffer.alloc(0) });
    if (old === undefined) rmSync(files.to);
    const outcome = await copied(files, cut, ["--create"]);
    assert.notEqual(outcome.code, EXIT.ok);
    if (old === undefined) assert.equal(existsSync(files.to), false, outcome.stderr);
    else assertSame(readFileSync(files.to), old);
  }
});

test("a refusal leaves no new file", { skip: lackingRoot("mount") }, async (t) => {
  const { folder, from } = pair(t, { source: SOURCE });
  const to = join(mountTmpfs(t, folder, 2 * MIB), "copy");
  const outcome = await run(["sync", "--streams", "2", "--create", from, to]);
  assertFailed(outcome, EXIT.io, "sync", /bytes are needed and \d+ are free .*nothing was written/);
  assert.equal(existsSync(to), false);
});

test(
  "a disk that becomes full leaves a file as long as the source, and the next copy completes it",
  { skip: lackingRoot("mount") },
  async (t) => {
    const { folder, from } = pair(t, { source: SOURCE });
    const point = mountTmpfs(t, folder, 2 * MIB);
    const to = join(point, "copy");
    // Without --sparse, the lack of room is seen before the first write.
    const args = ["sync", "--streams", "2", "--create", "--sparse", from, to];
    assertFailed(await run(args), EXIT.io, "sync", /No space left/);
    assert.equal(statSync(to).size, SOURCE.length);
    system("mount", "-o", "remount,size=16M", point);
    assertSucceeded(await run(args));
    assertSame(readFileSync(to), SOURCE);
  },
);
