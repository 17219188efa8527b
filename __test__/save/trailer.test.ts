// The trailer that `retrieve` writes after `done`, and what `save` does with it.
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  EXIT,
  pipeline,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { afterDone, readTail, TAG, tailFrame } from "../support/wire/trailer.ts";
import { isRoot, system } from "../support/programs/tools.ts";
import { dataFrame, DONE, hashStream, restFrame } from "../support/wire/frames.ts";

const ALL = Buffer.concat([restFrame(0), DONE]);
const skip = isRoot ? false : "only root may give files away";

/** A file of another owner, with odd permissions and times with nanoseconds. */
function someoneElses(path: string, content: Buffer): void {
  writeFileSync(path, content);
  if (isRoot) chownSync(path, 1, 3);
  chmodSync(path, 0o4751);
  system("touch", "-d", "2001-02-03 04:05:06.123456789Z", path);
}

function nanoseconds(path: string): bigint {
  return statSync(path, { bigint: true }).mtimeNs;
}

test("the trailer says what the source is, and its root digest", async (t) => {
  const path = join(scratch(t), "source");
  const content = noise(1, 3 * BLOCK + 7);
  someoneElses(path, content);
  const { stdout } = await run(["retrieve", path], { stdin: ALL });
  const { version, sound, fields } = readTail(afterDone(stdout));
  assert.equal(version, "1.0");
  assert.ok(sound);
  assert.equal(fields.get(TAG.size)?.readBigUInt64BE(), BigInt(content.length));
  assert.equal(fields.get(TAG.kind)?.toString(), "file");
  assert.equal(fields.get(TAG.mode)?.readUInt32BE(), 0o4751);
  const modified = fields.get(TAG.modified);
  assert.equal(modified?.readBigInt64BE(), BigInt(Date.UTC(2001, 1, 3, 4, 5, 6) / 1000));
  assert.equal(modified?.readUInt32BE(8), 123_456_789);
  const { uid } = statSync(path);
  assert.equal(fields.get(TAG.owner)?.readUInt32BE(), uid);
  assert.equal(fields.get(TAG.owner)?.toString("utf8", 4), system("id", "-nu", String(uid)).trim());
  const root = fields.get(TAG.root);
  const line = await run(["checksum", "--root", path]);
  assert.equal(root?.readUInt32BE(), BLOCK);
  assert.equal(root?.toString("latin1", 68), "sha3-512");
  assert.equal(root?.toString("hex", 4, 68), line.stdout.toString().trim().split(" ")[3]);
});

test("nothing follows `done` with BLOCKCOPY_WIRE=0.0.2", async (t) => {
  const path = join(scratch(t), "source");
  writeFileSync(path, noise(1, 10));
  const { stdout } = await run(["retrieve", path], {
    stdin: ALL,
    env: { BLOCKCOPY_WIRE: "0.0.2" },
  });
  assert.equal(afterDone(stdout).length, 0);
});

test("there is no root when some of the source was not read, or not in blocks", async (t) => {
  const path = join(scratch(t), "source");
  const content = noise(1, 3 * BLOCK);
  writeFileSync(path, content);
  const streams = {
    "an end": hashStream(content, { end: BLOCK }),
    "a start": hashStream(content, { start: BLOCK }),
    "other blocks": hashStream(content, { start: 5 }),
    "twice the same": Buffer.concat([restFrame(0), restFrame(BLOCK), DONE]),
    "a shorter destination with an odd end": hashStream(content.subarray(0, BLOCK + 5)),
  };
  for (const [what, stdin] of Object.entries(streams)) {
    const { stdout } = await run(["retrieve", path], { stdin });
    assert.equal(readTail(afterDone(stdout)).fields.get(TAG.root), undefined, what);
  }
});

test("-t -p -o -g: a file gets what the source has", { skip }, async (t) => {
  const folder = scratch(t);
  const [source, destination] = [join(folder, "source"), join(folder, "destination")];
  someoneElses(source, noise(1, 2 * BLOCK));
  writeFileSync(destination, noise(2, 2 * BLOCK));
  assertCopied(await pipeline({ source, destination, save: ["-t", "-p", "-o", "-g"] }));
  const found = statSync(destination);
  assert.deepEqual([found.mode & 0o7777, found.uid, found.gid], [0o4751, 1, 3]);
  assert.equal(nanoseconds(destination), nanoseconds(source));
});

test("each of them is carried alone, and none without being asked", { skip }, async (t) => {
  const folder = scratch(t);
  const source = join(folder, "source");
  someoneElses(source, noise(1, BLOCK));
  const carried = { "-t": "times", "-p": "perms", "-o": "owner", "-g": "group", "": "nothing" };
  for (const [option, name] of Object.entries(carried)) {
    const destination = join(folder, name);
    writeFileSync(destination, "");
    chmodSync(destination, 0o640);
    // The short names of all of them are above.
    const save = name === "nothing" ? [] : [`--${name}`];
    assertCopied(await pipeline({ source, destination, save }));
    const found = statSync(destination);
    assert.equal(nanoseconds(destination) === nanoseconds(source), option === "-t", name);
    assert.equal(found.mode & 0o7777, option === "-p" ? 0o4751 : 0o640, name);
    assert.equal(found.uid, option === "-o" ? 1 : 0, name);
    assert.equal(found.gid, option === "-g" ? 3 : 0, name);
  }
});

test("names are looked up here, unless numbers are wanted", { skip }, async (t) => {
  const destination = join(scratch(t), "destination");
  const owner = (id: number, name: string): Buffer => {
    const bytes = Buffer.alloc(4 + name.length, 0);
    bytes.writeUInt32BE(id);
    bytes.write(name, 4);
    return bytes;
  };
  const stream = (name: string): Buffer =>
    Buffer.concat([
      DONE,
      tailFrame([
        [TAG.owner, owner(4321, name)],
        [TAG.group, owner(4322, name)],
      ]),
    ]);
  for (const [name, options, uid, gid] of [
    ["daemon", [], 1, 1],
    ["daemon", ["--numeric-ids"], 4321, 4322],
    ["nobody-has-this-name", [], 4321, 4322],
    ["", [], 4321, 4322],
  ] as const) {
    writeFileSync(destination, "");
    const outcome = await run(["save", "-o", "-g", ...options, destination], {
      stdin: stream(name),
    });
    assertSucceeded(outcome);
    const found = statSync(destination);
    assert.deepEqual([found.uid, found.gid], [uid, gid], `${name} ${options.join(" ")}`);
  }
});

test("--truncate cuts a longer file off, and only a longer one", async (t) => {
  const folder = scratch(t);
  const [source, destination] = [join(folder, "source"), join(folder, "destination")];
  const content = noise(1, 2 * BLOCK + 77);
  writeFileSync(source, content);
  for (const length of [BLOCK, content.length, 5 * BLOCK + 3]) {
    writeFileSync(destination, noise(2, length));
    assertCopied(await pipeline({ source, destination, save: ["--truncate"] }));
    assert.ok(readFileSync(destination).equals(content), `${length} bytes before`);
  }
  // With --end, only that part is copied, and a shorter destination does not grow.
  writeFileSync(destination, noise(2, BLOCK));
  const part = ["--end", String(BLOCK)];
  assertCopied(await pipeline({ source, destination, checksum: part, save: ["--truncate"] }));
  assert.ok(readFileSync(destination).equals(content.subarray(0, BLOCK)));
});

test("--create makes a file for its owner alone, and leaves others as they are", async (t) => {
  const folder = scratch(t);
  const [source, destination] = [join(folder, "source"), join(folder, "destination")];
  const content = noise(1, BLOCK + 77);
  writeFileSync(source, content);
  const copy = { source, destination, checksum: ["--create"], save: ["--create"] };
  assertCopied(await pipeline(copy));
  assert.ok(readFileSync(destination).equals(content));
  assert.equal(statSync(destination).mode & 0o7777, 0o600);
  chmodSync(destination, 0o644);
  truncateSync(destination, 5);
  assertCopied(await pipeline(copy));
  assert.ok(readFileSync(destination).equals(content));
  assert.equal(statSync(destination).mode & 0o7777, 0o644);

  const elsewhere = join(folder, "elsewhere");
  symlinkSync(elsewhere, join(folder, "link"));
  for (const path of [join(folder, "missing", "file"), "/dev/blockcopy-no-such-device"]) {
    const outcome = await run(["save", "--create", path], { stdin: DONE });
    assertFailed(outcome, EXIT.missing, "save");
  }
  const outcome = await run(["save", "--create", join(folder, "link")], { stdin: DONE });
  assert.notEqual(outcome.code, 0);
  assert.ok(!existsSync(elsewhere));
});

test("without --create nothing is made", async (t) => {
  const path = join(scratch(t), "missing");
  assertFailed(await run(["save", path], { stdin: DONE }), EXIT.missing, "save");
  assertFailed(await run(["checksum", path]), EXIT.missing, "checksum");
  assert.ok(!existsSync(path));
});

test("a stream without a trailer: the blocks are written, and what needs it fails", async (t) => {
  const path = join(scratch(t), "destination");
  const stdin = Buffer.concat([dataFrame(0, Buffer.from("new")), DONE]);
  for (const option of ["-t", "-p", "-o", "-g", "--truncate", "--verify=full"]) {
    writeFileSync(path, "old content");
    const outcome = await run(["save", option, path], { stdin });
    assertFailed(outcome, EXIT.protocol, "save", /trailer/, /written and synced/);
    assert.equal(readFileSync(path, "utf8"), "new content");
  }
  assertSucceeded(await run(["save", "--create", "--verify=written", path], { stdin }));
});

test("an attribute that a device cannot have is a warning", { skip: lackingLoop }, async (t) => {
  const folder = scratch(t);
  const source = join(folder, "source");
  someoneElses(source, noise(1, 4 * BLOCK));
  const loop = loopWith(t, folder, noise(2, 4 * BLOCK));
  const before = statSync(loop.path);
  const options = ["-t", "-p", "-o", "-g", "--truncate", "--verify=full"];
  const outcome = await pipeline({ source, destination: loop.path, save: options });
  assert.deepEqual(outcome.codes, [0, 0, 0]);
  assert.equal(
    outcome.stderr[2],
    `WARNING (save): ${loop.path} is a device: --truncate, --times, --perms, --owner, --group left out\n`,
  );
  assert.ok(deviceContent(loop).equals(readFileSync(source)));
  const after = statSync(loop.path);
  assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid]);

  const copy = join(folder, "copy");
  writeFileSync(copy, noise(3, 9 * BLOCK));
  chmodSync(copy, 0o640);
  utimesSync(copy, 1e9, 1e9);
  const back = await pipeline({ source: loop.path, destination: copy, save: options });
  assert.deepEqual(back.codes, [0, 0, 0]);
  assert.equal(
    back.stderr[2],
    "WARNING (save): the source is a device: --times, --perms, --owner, --group left out\n",
  );
  assert.ok(readFileSync(copy).equals(readFileSync(source)));
  assert.equal(statSync(copy).mode & 0o7777, 0o640);
});
