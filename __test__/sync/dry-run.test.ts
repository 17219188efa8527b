// A dry run is refused as the copy would be.
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { noise, scratch } from "../support/files/files.ts";
import { lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  type Outcome,
  run,
} from "../support/programs/cli.ts";
import { lackingRoot } from "../support/programs/tools.ts";
import { sealedHello, sealedStream, whole } from "../support/wire/extended.ts";
import { restFrame } from "../support/wire/frames.ts";
import { blockStream, headFrame, readBlockStream, sizeField } from "../support/wire/records.ts";

const MIB = 1024 * 1024;

/** A source, a destination that is half as large, and the path of a new one. */
function places(t: TestContext): { folder: string; source: string; file: string; fresh: string } {
  const folder = scratch(t);
  const [source, file, fresh] = [join(folder, "source"), join(folder, "file"), join(folder, "new")];
  writeFileSync(source, noise("source", 4 * MIB));
  writeFileSync(file, noise("file", 2 * MIB));
  return { folder, source, file, fresh };
}

/** Asserts that a copy and its dry run are refused with the same words and exit code, and that the destination stays as it was. */
async function assertBothRefused(
  copy: { args: readonly string[]; to: string; code: number; words: RegExp },
  start: (args: string[]) => Promise<Outcome> = run,
): Promise<void> {
  const { args, to, code, words } = copy;
  const before = existsSync(to) ? readFileSync(to) : undefined;
  const dry = await start(["sync", "-n", ...args, to]);
  assertFailed(dry, code, "sync", words);
  const real = await start(["sync", ...args, to]);
  assert.equal(dry.stderr, real.stderr);
  assert.equal(real.code, code);
  if (before === undefined) assert.ok(!existsSync(to));
  else assertSame(readFileSync(to), before);
}

test("sizes, room and names", { skip: lackingLoop || lackingRoot("mount") }, async (t) => {
  const { folder, source, file, fresh } = places(t);
  const [empty, link] = [join(folder, "empty"), join(folder, "link")];
  writeFileSync(empty, "");
  symlinkSync("nowhere", link);
  const loop = loopWith(t, folder, noise("device", 2 * MIB));
  const small = mountTmpfs(t, folder, 2 * MIB);
  const hollow = join(small, "hollow");
  writeFileSync(hollow, "");
  truncateSync(hollow, 4 * MIB);
  const { usage, io, missing } = EXIT;
  const room = /4194304 more bytes are needed and \d+ are free/;
  for (const [args, to, code, words] of [
    [["--truncate", source], loop.path, usage, /4194304 bytes and the device \S+ only 2097152/],
    [["--truncate", empty], file, usage, /the source is empty, and --truncate would empty/],
    [[source], hollow, io, room],
    [["--create", source], join(small, "new"), io, room],
    [["--allow-larger", source], empty, usage, /4194304 bytes and the destination 0;/],
    [["--create", source], join(fresh, "new"), missing, /the folder \S+new does not exist/],
    [["--create", source], join("/dev", "no-such-device"), missing, /check the name, and that the/],
    [["--create", source], link, missing, /link to nowhere/],
  ] as const)
    await assertBothRefused({ args, to, code, words });
  assertSucceeded(await run(["sync", "-n", "--sparse", source, hollow]));
  assertSucceeded(await run(["sync", "-n", "--truncate", "--force", empty, file]));
});

test("a limit on the size of files", async (t) => {
  const { source, file } = places(t);
  const words = /4194304 bytes long: the limit .* is 2097152 bytes/;
  await assertBothRefused(
    { args: ["--truncate", source], to: file, code: EXIT.io, words },
    (args) => bash(`ulimit -f 2048; ${blockcopy(...args)}`),
  );
});

test("attributes that may not be set", { skip: lackingRoot("setpriv") }, async (t) => {
  const { folder, source, file, fresh } = places(t);
  truncateSync(source, 2 * MIB);
  // A new file there gets the group of its folder.
  chownSync(folder, 0, 1234);
  chmodSync(folder, 0o2755);
  const prefix = ["setpriv", "--bounding-set", "-chown,-fowner", "--inh-caps", "-all"];
  for (const [option, sourceOwner, owner, to] of [
    ["-o", [1234, 0], [0, 0], file],
    ["-t", [0, 0], [1234, 0], file],
    ["-g", [0, 4321], [0, 0], fresh],
  ] as const) {
    chownSync(source, sourceOwner[0], sourceOwner[1]);
    chownSync(file, owner[0], owner[1]);
    const words = /cannot set the \S+ of \S+: .*; nothing was written; /;
    await assertBothRefused(
      { args: ["--create", option, source], to, code: EXIT.permission, words },
      (args) => run(args, { prefix }),
    );
  }
  chownSync(source, 0, 1234);
  assertSucceeded(await run(["sync", "-n", "--create", "-ag", source, fresh], { prefix }));
  assertSucceeded(await run(["sync", "--create", "-ag", source, fresh], { prefix }));
});

test("stages that do not know of answers to a dry run", async (t) => {
  const { source, file } = places(t);
  const frames = [whole(restFrame(0))];
  const ask = (fields: Parameters<typeof sealedHello>[0]): Promise<Outcome> =>
    run(["retrieve", "--events", "--dry-run", source], {
      stdin: sealedStream(sealedHello(fields), frames),
    });
  const silent = await ask({ end: 2 ** 53 - 1 });
  assert.deepEqual([silent.code, silent.stdout.length], [EXIT.ok, 0], silent.stderr);
  const { stdout } = await ask({ end: 2 ** 53 - 1, dryRun: true });
  assert.equal(readBlockStream(stdout).records.length, 0);

  const receive = ["receive", "--dry-run", "--truncate", file];
  const digests = await run(receive, { stdin: Buffer.alloc(0) });
  assert.equal(digests.code, EXIT.ok, digests.stderr);
  const head = headFrame("blake3", 131_072, [sizeField(4 * MIB)]);
  for (const [stdin, words] of [
    [blockStream(head, [{ position: 0, block: 5 }]), /has sent blocks, but only digests/],
    [Buffer.concat([blockStream(head, []), Buffer.alloc(1)]), /has sent blocks, but only digests/],
    [blockStream(head, []).subarray(0, -4), /closed unexpectedly without receiving the `done`/],
    [head.subarray(0, 20), /incomplete read of head/],
    [blockStream(headFrame("sha3-512", 131_072), []), /does not answer the request/],
    [Buffer.from("Welcome!"), /Welc/],
  ] as const) {
    const outcome = await run(receive, { stdin });
    assert.equal(outcome.code, EXIT.protocol, outcome.stderr);
    assert.match(outcome.stderr, words);
  }
});
