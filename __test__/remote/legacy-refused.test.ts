// Copies with blockcopy 0.0.2 that do not come about: what it cannot do, and what its failures come to.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { VERSION } from "../../src/native/installation.ts";
import { EVENTS_VERSION } from "../../src/ui/event-lines.ts";
import { parseEndpoint } from "../../src/sync/connection/endpoint.ts";
import { explainLegacyFailure } from "../../src/sync/legacy/legacy-failure.ts";
import { refuseForLegacy } from "../../src/sync/legacy/refused-options.ts";
import { Side } from "../../src/sync/side.ts";
import { NO_SNAPSHOT } from "../../src/snapshots/snapshot-options.ts";
import type { CopyOptions } from "../../src/sync/stage-arguments.ts";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { scratch } from "../support/files/files.ts";
import { lackingLoop } from "../support/files/loop.ts";
import { mountedLoop } from "../support/files/mount.ts";
import { OURS, scriptIn, syncWire } from "../support/programs/legacy.ts";
import { pair } from "../support/programs/sync-pair.ts";
import { lacking } from "../support/programs/tools.ts";

/** Lines of the shell there before the stage starts. */
const HELLO = JSON.stringify({ event: "hello", blockcopy: VERSION, events: EVENTS_VERSION });

const PLAIN: CopyOptions = {
  sourceFormat: undefined,
  destinationFormat: undefined,
  direct: "auto",
  threads: undefined,
  queueDepth: undefined,
  wantsDetails: false,
  dryRun: false,
  compare: false,
  compress: undefined,
  digest: undefined,
  audit: undefined,
  blockSize: undefined,
  start: undefined,
  end: undefined,
  allowLarger: false,
  force: false,
  lock: false,
  streams: undefined,
  bwlimit: undefined,
  ranges: undefined,
  delta: undefined,
  map: false,
  sparse: false,
  create: false,
  truncate: false,
  times: false,
  perms: false,
  owner: false,
  group: false,
  numericIds: false,
  verify: "none",
  digestCache: undefined,
  incremental: undefined,
  ...NO_SNAPSHOT,
};

/** Places of the two ends: a pull, a push, and a copy between two other hosts. */
type Ends = "pull" | "push" | "between";
const ENDS: Record<Ends, [from: string, to: string]> = {
  pull: ["x:a", "b"],
  push: ["a", "x:b"],
  between: ["x:a", "y:b"],
};
const ALL: Ends[] = ["pull", "push", "between"];

const OPTIONS: [option: string, given: Partial<CopyOptions>, refused: Ends[]][] = [
  ["none", {}, []],
  ["--force", { force: true, allowLarger: true, start: 1, end: 2, wantsDetails: true }, []],
  ["--digest", { digest: "blake3" }, ALL],
  ["--digest", { digest: "sha3-512", blockSize: 131_072 }, []],
  ["--block-size", { blockSize: 4096 }, ALL],
  ...["lz4", "zstd", "zstd:3", "lzma:3"].map((compress): [string, Partial<CopyOptions>, Ends[]] => [
    `--compress ${compress}`,
    { compress },
    ALL,
  ]),
  ...["none", "lzma", "auto"].map((compress): [string, Partial<CopyOptions>, Ends[]] => [
    "--compress",
    { compress },
    [],
  ]),
  ["--verify full", { verify: "full" }, ALL],
  ["--verify", { verify: "written" }, ["push", "between"]],
  ["--digest-cache", { digestCache: "kept" }, ALL],
  ["--truncate", { truncate: true }, ALL],
  ["--times", { times: true }, ALL],
  ["--perms", { perms: true }, ALL],
  ["--owner", { owner: true }, ALL],
  ["--group", { group: true }, ALL],
  ["--numeric-ids", { numericIds: true }, ALL],
  ["--create", { create: true }, ["push", "between"]],
  ["--sparse", { sparse: true }, ["push", "between"]],
  ["--dry-run", { dryRun: true }, ["pull", "between"]],
  ["--map", { map: true }, ["pull", "between"]],
  ["--snapshot", { snapshot: "auto" }, ["pull", "between"]],
  ["--direct", { direct: "on" }, ["between"]],
  ["--threads", { threads: 2 }, ["between"]],
  ["--queue-depth", { queueDepth: 2 }, ["between"]],
];
for (const [option, given, refused] of OPTIONS)
  test(`${JSON.stringify(given)} is refused: ${refused.join(", ") || "never"}`, () => {
    for (const ends of ALL) {
      const [from, to] = ENDS[ends].map(parseEndpoint);
      assert.ok(from !== undefined && to !== undefined);
      const check = (): void => refuseForLegacy({ ...PLAIN, ...given }, from, to);
      if (refused.includes(ends))
        assert.throws(check, {
          name: "UsageError",
          message: new RegExp(`^${option} cannot be used`),
        });
      else check();
    }
  });

const FAILURES: [said: string, exit: number, code: number, consequence: boolean][] = [
  ["ERROR (save): [Errno 28] No space left on device", 1, EXIT.io, false],
  ["ERROR (save): [Errno 13] Permission denied: 'disk'", 1, EXIT.permission, false],
  ["ERROR (save): [Errno 30] Read-only file system: 'disk'", 1, EXIT.permission, false],
  ["ERROR (save): [Errno 16] Device or resource busy: 'disk'", 1, EXIT.busy, false],
  [
    "ERROR (checksum): Collected exceptions: FileNotFoundError(2, 'No such file or directory')",
    1,
    EXIT.missing,
    false,
  ],
  ["ERROR (retrieve): Collected exceptions: OSError(5, 'Input/output error')", 1, EXIT.io, false],
  ["ERROR (checksum): Collected exceptions: BrokenPipeError(32, 'Broken pipe')", 1, EXIT.io, true],
  ["ERROR (retrieve): Unknown command received: b'Welc'", 1, EXIT.protocol, false],
  [
    "ERROR (save): The block input stream was closed unexpectedly without receiving the `done` command",
    1,
    EXIT.protocol,
    true,
  ],
  ["ERROR (save): Incomplete read of block data from block input stream", 1, EXIT.protocol, true],
  ["ERROR (save): incomplete read of hash from hash input stream; look", 76, EXIT.protocol, true],
  [
    "ERROR (save): cannot open disk: Permission denied (EACCES); run as root",
    77,
    EXIT.permission,
    false,
  ],
  ["sh: 1: python3: not found", 127, EXIT.busy, false],
  [
    "python3: can't open file 'blockcopy.py': [Errno 2] No such file or directory",
    2,
    EXIT.busy,
    false,
  ],
  ["", 141, EXIT.protocol, true],
];
for (const [said, exit, code, consequence] of FAILURES)
  test(`${exit}, ${JSON.stringify(said)}`, () => {
    const side = new Side(parseEndpoint("x:disk"), "destination");
    for (const line of [HELLO, "Traceback (most recent call last):"]) side.take(line);
    if (said !== "") side.take(said);
    explainLegacyFailure(side, { code: exit });
    assert.equal(side.error?.code, code);
    assert.equal(side.error.consequence, consequence);
    const { message, advice } = side.error;
    assert.ok(`${message}; ${advice}`.includes(said), message);
  });

test("the advice of a stage there names no option that --wire 0.0.2 refuses", () => {
  for (const [code, advice] of [
    [EXIT.missing, /; if the file is to be made, make it there first/],
    [EXIT.io, /^check that message, then run it again/],
  ] as const) {
    const side = new Side(parseEndpoint("x:disk"), "destination");
    side.take(HELLO);
    side.take("ERROR (save): cannot open disk; check the name; --create creates a missing file");
    explainLegacyFailure(side, { code });
    assert.match(side.error?.advice ?? "", advice);
    assert.doesNotMatch(side.error?.advice ?? "", /--create/);
  }
});

test("one that has not begun, has succeeded, or was cut off is left alone", () => {
  for (const [hello, ended] of [
    [false, { code: 255 }],
    [true, { code: 0 }],
    [true, { code: 255 }],
    [true, { code: 137 }],
    [true, { signal: "SIGKILL" }],
  ] as const) {
    const side = new Side(parseEndpoint("x:disk"), "destination");
    if (hello) side.take(HELLO);
    explainLegacyFailure(side, ended);
    assert.equal(side.error, undefined);
  }
});

test("a stage there that fails, is not there, or is cut off", async (t) => {
  const { folder, to } = pair(t);
  const before = readFileSync(to);
  const failing = (name: string, stage: string, what: string): string =>
    scriptIn(folder, name, `if [ "$1" = ${stage} ]; then ${what}; fi\nexec ${OURS} "$@"`);
  const full = `echo Traceback >&2; echo 'ERROR (save): [Errno 28] No space left on device' >&2; exit 1`;
  for (const [there, code, ...patterns] of [
    [failing("full", "save", full), EXIT.io, /on x: destination: ERROR \(save\): \[Errno 28\]/],
    ["/nonexistent/blockcopy.py", EXIT.busy, /on x: blockcopy 0\.0\.2 cannot be run: .*not found/],
    [
      failing("dropped", "save", "head -c 1000 > part; exit 255"),
      EXIT.cut,
      /connection to x/,
      /run it again/,
    ],
    [
      failing("killed", "checksum", "kill -9 $$"),
      EXIT.cut,
      /on x ended without an error message/,
      /run it again/,
    ],
  ] as const) {
    const outcome = await syncWire(folder, there, ["source", "x:destination"]);
    assertFailed(outcome, code, "sync", ...patterns);
    assert.doesNotMatch(outcome.stderr, /Traceback/);
  }
  assertSame(readFileSync(to), before);
});

test("--wire itself", async (t) => {
  const { from, to } = pair(t);
  for (const args of [
    ["--wire", "0.0.1", from, `x:${to}`],
    ["--wire", "0.0.2", from, to],
  ])
    assertFailed(await run(["sync", ...args]), EXIT.usage, "sync", /--wire/);
});

test(
  "a destination that is mounted there, and --force",
  { skip: lackingLoop || lacking("mkfs.ext4", "lsblk") },
  async (t) => {
    const folder = scratch(t);
    const { backing, loop, point } = mountedLoop(t, folder);
    const before = readFileSync(backing);
    const ends = [backing, `x:${loop.path}`];
    const refused = await syncWire(folder, OURS, ends);
    assertFailed(
      refused,
      EXIT.busy,
      "sync",
      /on x: .* is mounted on /,
      new RegExp(point),
      /--force/,
    );
    // 0.0.2 writes to it; this program, in its place, does not.
    const forced = await syncWire(folder, OURS, ["--force", ...ends]);
    assertFailed(forced, EXIT.busy, "sync", /on x: .*ERROR \(save\): /);
    assertSame(readFileSync(backing), before);
  },
);
