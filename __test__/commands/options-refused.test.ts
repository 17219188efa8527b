// Command lines that say something else than was meant, and options that would be ignored: refused, before anything is opened.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { refuseTogether, type SyncOptions } from "../../src/commands/sync/conflicts.ts";
import { assertFailed, EXIT, lastLine, run } from "../support/programs/cli.ts";
import { scratch } from "../support/files/files.ts";
import { DONE } from "../support/wire/frames.ts";

const FILES = { A: "source", B: "destination" };

/** Two files; `use` replaces the words A and B by their names. */
function files(t: TestContext): { folder: string; use: (words: string) => string[] } {
  const folder = scratch(t);
  for (const name of Object.values(FILES)) writeFileSync(join(folder, name), name);
  const names = new Map(Object.entries(FILES).map(([word, name]) => [word, join(folder, name)]));
  return { folder, use: (words) => words.split(" ").map((word) => names.get(word) ?? word) };
}

const SWALLOWED: readonly [words: string, option: string, example: string][] = [
  ["sync --verify A B", "--verify", "--verify=full"],
  ["sync --delta A B", "--delta", "--delta=FILE"],
  ["sync -e A B", "-e", "-e COMMAND"],
  ["sync --threads 2 --verify A B", "--verify", "--verify=full"],
  ["checksum --cached A", "--cached", "--cached=DIGESTS"],
  ["save --update-digests A", "--update-digests", "--update-digests=DIGESTS"],
];

test("an option that has taken a file as its value is named", async (t) => {
  const { folder, use } = files(t);
  for (const [words, option, example] of SWALLOWED) {
    const args = use(words);
    const { code, stderr } = await run(args, { stdin: DONE });
    assert.equal(code, EXIT.usage, stderr);
    const taken = `\`${join(folder, "source")}\` was taken for the value of ${option} (as in ${example})`;
    assert.ok(lastLine(stderr).includes(taken), stderr);
  }
  const { stderr } = await run(use("sync --verify full A"));
  assert.match(lastLine(stderr), /SOURCE or DESTINATION is missing; see/);
  assert.equal(readdirSync(folder).length, 2);
});

const MISTYPED: readonly [words: string, remedy: RegExp][] = [
  ["chekcsum A", /unknown command: chekcsum; did you mean `checksum`\?/],
  ["hlep", /did you mean `help`\?/],
  ["frobnicate A", /unknown command: frobnicate; to copy, use .*; see `blockcopy help`$/],
  ["disk copy", /unknown command: disk; to copy, use `blockcopy sync disk copy`; see/],
  ["frobnicate", /unknown command: frobnicate; see `blockcopy help`$/],
  ["--versoin", /unknown option: --versoin; did you mean `--version`\? see `blockcopy help`$/],
  ["sync -r A B", /unknown option -r; see/],
  ["A B", /use `blockcopy sync \S*source \S*destination`$/],
  ["host:A B", /use `blockcopy sync host:A \S*destination`$/],
  ["cp A B", /use `blockcopy sync SOURCE DESTINATION`$/],
  ["verify A B", /use `blockcopy compare \S*source \S*destination`.*; to copy and prove it,/],
  ["check host:A B", /use `blockcopy compare host:A \S*destination`/],
  [
    "verify A",
    /compare SOURCE DESTINATION`.*sync --verify full SOURCE DESTINATION` \(writes DESTINATION\)$/,
  ],
  ["cmp A", /compare SOURCE DESTINATION`/],
  ["compare A", /: A or B is missing; see `blockcopy compare --help`$/],
  [
    "sync --verfy full A B",
    /unknown option --verfy; did you mean `--verify`\? see `blockcopy sync --help`$/,
  ],
  ["sync --allow-large A B", /did you mean `--allow-larger`\? see/],
  ["sync --bandwidth=2M A B", /unknown option --bandwidth; see/],
  ["checksum --lzma A", /unknown option --lzma; see/],
  ["sync -axz A B", /unknown option -x in -axz/],
  ["sync -ze ssh A B", /-e takes a value, so it must be a word of its own: -e COMMAND/],
  ["sync --sparse=yes A B", /--sparse takes no value/],
  ["sync --map=A.svg A B", /--map takes no value; give --map-file=A\.svg/],
  ["sync --map A.svg A B", /--map takes no value; give --map-file A\.svg$/],
  ["checksum A --end 1X", /: invalid value for --end: "1X" is not an offset; give/],
  ["checksum A --end", /--end needs a value \(as in --end=10G\)/],
  ["compare A B A", /more than A and B: a name with spaces/],
  ["sync A B B", /destination and \S+destination are the same; name each destination once$/],
  ["sync -z --compress lz4 A B", /-z and --compress say the same/],
];

test("a mistyped command line gets a message with the remedy", async (t) => {
  const { folder, use } = files(t);
  for (const [words, remedy] of MISTYPED) {
    const outcome = await run(use(words), { stdin: DONE });
    assert.equal(outcome.code, EXIT.usage, outcome.stderr);
    assert.equal(outcome.stdout.length, 0);
    assert.match(lastLine(outcome.stderr), /^ERROR \(\w+\): /);
    assert.match(lastLine(outcome.stderr), remedy, words);
  }
  assert.deepEqual(readdirSync(folder).toSorted(), ["destination", "source"]);
  assert.equal(readFileSync(join(folder, "destination"), "utf8"), "destination");
});

test("a file of another host is not for the stages, unless one here has that name", async (t) => {
  const { folder } = files(t);
  for (const stage of ["checksum", "retrieve", "save", "inspect"]) {
    for (const create of stage === "save" || stage === "checksum" ? [["--create"]] : [[]]) {
      const outcome = await run([stage, ...create, "root@far:disk"], { stdin: DONE, cwd: folder });
      const remedy = new RegExp(`ssh root@far blockcopy ${stage} disk.*\\./root@far:disk`);
      assertFailed(outcome, EXIT.usage, stage, /another host/, /blockcopy sync/, remedy);
    }
  }
  assert.equal(readdirSync(folder).length, 2);
  writeFileSync(join(folder, "far:disk"), "");
  assert.equal((await run(["save", "far:disk"], { stdin: DONE, cwd: folder })).code, EXIT.ok);
});

test("a file of another host is not for an option that takes one of this host", async (t) => {
  const { folder, use } = files(t);
  for (const [words, far] of [
    ["checksum --ranges FAR A", "root@far:/map"],
    ["checksum --extended --cached FAR A", "far:digests"],
    ["save --update-digests FAR A", "far:digests"],
    ["sync --ranges FAR A B", "far:map"],
    ["sync --delta FAR A B", "[fd00::1]:delta"],
    ["sync --metrics FAR A B", "far:metrics"],
    ["sync --map-file FAR A B", "far:map.svg"],
    ["sync --digest-cache FAR A B", "far:cache"],
    ["sync --digest-cache FAR far:A B", "far:cache"],
    ["sync --metrics FAR A B", "ssh://far/metrics"],
  ] as const) {
    const args = use(words).map((word) => (word === "FAR" ? far : word));
    const outcome = await run(args, { stdin: DONE, cwd: folder });
    const [, option = ""] = /(--[a-z-]+) FAR/.exec(words) ?? [];
    assertFailed(outcome, EXIT.usage, args[0] ?? "", /names a file of another host/);
    assert.ok(lastLine(outcome.stderr).includes(`${option}: ${far} names`), outcome.stderr);
    assert.ok(lastLine(outcome.stderr).includes(`give ./${far}`), outcome.stderr);
  }
  assert.equal(readdirSync(folder).length, 2);
  for (const metrics of ["./far:metrics", "far:metrics"]) {
    const words = ["sync", "--create", "--metrics", metrics, "source", "copy"];
    assert.equal((await run(words, { cwd: folder })).code, EXIT.ok);
  }
});

/** The options when none of them is given. */
const NONE = {
  verify: "none",
  snapshot: "none",
  drawMap: false,
  isHere: false,
  dryRun: false,
  truncate: false,
  owner: false,
  group: false,
  quiet: false,
} as SyncOptions;

const IGNORED: readonly [option: string, given: Partial<SyncOptions>, otherwise: object][] = [
  ["--verify=full", { dryRun: true, verify: "full" }, { dryRun: false }],
  ["--verify=written", { dryRun: true, verify: "written" }, { dryRun: false }],
  ["--allow-larger", { truncate: true, allowLarger: true }, { truncate: false }],
  ["--numeric-ids", { numericIds: true }, { owner: true }],
  ["--numeric-ids", { numericIds: true }, { group: true }],
  ["--verbose", { quiet: true, verbose: true }, { quiet: false }],
  ["--map", { quiet: true, drawMap: true }, { stats: true }],
  ["--map", { quiet: true, drawMap: true }, { json: true }],
  ["--dry-run", { quiet: true, dryRun: true }, { json: true }],
  ["--dry-run", { quiet: true, dryRun: true }, { metrics: "metrics" }],
  ["--dry-run", { quiet: true, dryRun: true }, { mapFile: "map.svg" }],
  ["--dry-run", { quiet: true, dryRun: true }, { stats: true }],
  ["--progress", { quiet: true, progress: true }, { quiet: false }],
  ["--sudo", { isHere: true, sudo: true }, { isHere: false }],
  ["--remote-command", { isHere: true, remoteCommand: "x" }, { isHere: false }],
  ["--wire", { isHere: true, wire: "0.0.2" }, { isHere: false }],
  ["--rsh", { isHere: true, rsh: "ssh" }, { isHere: false }],
  ["--no-bootstrap", { isHere: true, noBootstrap: true }, { isHere: false }],
  ["--bootstrap", { isHere: true, bootstrap: "single" }, { isHere: false }],
  ["--transport", { isHere: true, transport: "auto" }, { isHere: false }],
  ["--ports", { isHere: true, ports: {} }, { isHere: false, transport: "tls" }],
  ["--ports", { ports: {} }, { transport: "auto" }],
  ["--listen", { transport: "ssh", listen: "source" }, { transport: "tls" }],
  ["--bind", { bind: "10.0.0.1" }, { transport: "tls" }],
  ["--wire", { transport: "tls", wire: "0.0.2" }, { transport: "ssh" }],
  ["--delta", { transport: "tls", delta: "delta" }, { transport: undefined }],
  ["--before", { snapshot: "none", before: "x" }, { snapshot: "auto" }],
  ["--after", { snapshot: "none", after: "x" }, { snapshot: "auto" }],
  ["--hook-timeout", { snapshot: "none", hookTimeout: 1 }, { snapshot: "auto", after: "x" }],
  ["--hook-timeout", { snapshot: "auto", hookTimeout: 1 }, { before: "x" }],
  ["--snapshot-size", { snapshot: "none", snapshotSize: 1 }, { snapshot: "lvm" }],
  ["--snapshot-size", { snapshot: "thin", snapshotSize: 1 }, { snapshot: "auto" }],
  ["--snapshot thin", { snapshot: "thin", streams: 2 }, { streams: 1 }],
  ["--bootstrap single", { bootstrap: "single", noBootstrap: true }, { bootstrap: "never" }],
  ["--audit", { auditRuns: 34 }, { incremental: "nightly" }],
  ["--ranges", { incremental: "nightly", ranges: "map" }, { ranges: undefined }],
  ["--start", { incremental: "nightly", start: 0 }, { start: undefined }],
  ["--end", { incremental: "nightly", end: 1 }, { end: undefined }],
  ["--delta", { incremental: "nightly", delta: "delta" }, { delta: undefined }],
  ["--streams", { incremental: "nightly", streams: 2 }, { streams: 1 }],
  ["--digest-cache", { incremental: "nightly", digestCache: "x" }, { digestCache: undefined }],
  ["--transport", { incremental: "nightly", transport: "tls" }, { transport: "ssh" }],
  ["--wire", { incremental: "nightly", wire: "0.0.2" }, { wire: undefined }],
  ["--dry-run", { incremental: "nightly", dryRun: true }, { dryRun: false }],
  ["--snapshot lvm", { incremental: "nightly", snapshot: "lvm" }, { snapshot: "thin" }],
  ["--verify=full", { incremental: "nightly", verify: "full" }, { verify: "written" }],
];

test("options that would be ignored, and what makes them useful", () => {
  for (const [option, given, otherwise] of IGNORED) {
    assert.throws(
      () => refuseTogether({ ...NONE, ...given }),
      new RegExp(`^UsageError: ${option} `),
      option,
    );
    refuseTogether({ ...NONE, ...given, ...otherwise });
  }
  // Nothing of these is ignored: it is what would be done anyway, or what the copy that is rehearsed would do.
  for (const harmless of [
    { streams: 1 },
    { verify: "none", dryRun: true },
    { dryRun: true, lock: true, sparse: true, times: true, digestCache: "cache" },
    { noBootstrap: true, remoteCommand: "blockcopy" },
    { quiet: true, json: true },
    { force: true, dryRun: true },
  ])
    refuseTogether({ ...NONE, ...harmless } as SyncOptions);
});

test("the command line is refused before anything is written", async (t) => {
  const { folder, use } = files(t);
  for (const words of [
    "sync -n --verify full A B",
    "sync -q --map A B",
    "sync --no-bootstrap A B",
    "retrieve --after true A",
    "retrieve --snapshot thin --snapshot-size 1G A",
    "save --numeric-ids A",
    "checksum --root --bwlimit 1M A",
  ]) {
    const args = use(words);
    assertFailed(await run(args, { stdin: DONE }), EXIT.usage, args[0] ?? "");
  }
  assert.equal(readFileSync(join(folder, "destination"), "utf8"), "destination");
});
