// The rights of a key: files by pattern, options by a list. What sync asks for goes to serve as sshd would hand it over.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, homedir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { allowedWords } from "../../src/commands/serve/allowed.ts";
import { RefusedError } from "../../src/commands/serve/refused-error.ts";
import { parseRequest } from "../../src/commands/serve/request.ts";
import { defer } from "../support/cleanup.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { assertSame } from "../support/files/bytes.ts";
import { scratch } from "../support/files/files.ts";
import { loopWith } from "../support/files/loop.ts";
import { assertFailed, EXIT, type Outcome } from "../support/programs/cli.ts";
import { serve, syncServed } from "../support/programs/served.ts";
import { assertSynced, changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { lacking, lackingRoot } from "../support/programs/tools.ts";

interface Folders {
  folder: string;
  /** The words of serve: all of `out` may be read, and images in `in` written. */
  words: string[];
  /** A file here that differs from both. */
  here: string;
  /** A file in `out`, and one in `in`. */
  out: string;
  copy: string;
}

function folders(t: TestContext): Folders {
  const { folder, from: out, to: here } = pair(t);
  for (const name of ["out", "in"]) mkdirSync(join(folder, name));
  const moved = join(folder, "out/disk.img");
  writeFileSync(moved, readFileSync(out));
  const copy = join(folder, "in/copy.img");
  writeFileSync(copy, changedIn(SOURCE, 5));
  const words = ["--allow-read", `${folder}/out/*`, "--allow-write", `${folder}/in/*.img`];
  return { folder, words, here, out: moved, copy };
}

test("options of a copy that concern nothing but its file", async (t) => {
  const { folder, words, here, out, copy } = folders(t);
  const map = join(folder, "map");
  writeFileSync(map, "0 1048576\n");
  for (const options of [
    ["-t", "--verify", "full", "--compress", "zstd", "--digest", "sha3-512", "--bwlimit", "1G"],
    ["--lock", "--sparse", "--truncate", "--block-size", "4K", "--start", "4K", "--end", "4M"],
    ["--direct", "off", "--threads", "1", "--queue-depth", "1", "-v", "--ranges", map],
  ]) {
    writeFileSync(here, SOURCE);
    writeFileSync(copy, changedIn(SOURCE, 4));
    const outcome = await syncServed(folder, words, [...options, here, `host:${copy}`]);
    assert.equal(outcome.code, EXIT.ok, `${options.join(" ")}: ${outcome.stderr}`);
    assertSame(readFileSync(copy), SOURCE);
  }
  for (const options of [
    ["-n", "--map", here, `host:${copy}`],
    ["--delta", join(folder, "delta"), here, `host:${copy}`],
    ["--streams", "2", "--map", "--remote-command", "/opt/b/blockcopy", `host:${out}`, here],
  ]) {
    const outcome = await syncServed(folder, words, options);
    assert.equal(outcome.code, EXIT.ok, `${options.join(" ")}: ${outcome.stderr}`);
  }
});

test("compare needs no right to write", async (t) => {
  const { folder, words, here, out, copy } = folders(t);
  const compare = (...args: string[]): Promise<Outcome> =>
    syncServed(folder, words, ["compare", "-q", ...args]);
  writeFileSync(here, SOURCE);
  for (const [args, code] of [
    [[here, `host:${out}`], EXIT.ok],
    [[`host:${out}`, `host:${copy}`], 1],
    [[`host:${copy}`, here], EXIT.permission],
  ] as const) {
    const outcome = await compare(...args);
    assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}`);
  }
});

/** Returns the words that a stage is run with for a command line, or the reason that it is refused, without a start of the program. */
function answer(words: readonly string[], line: string): string[] | RefusedError {
  const after = (option: string): string[] =>
    words.flatMap((word, at) => (words[at - 1] === option ? [word] : []));
  const rights = { read: after("--allow-read"), write: after("--allow-write"), create: false };
  try {
    return allowedWords(parseRequest(line), rights);
  } catch (error) {
    if (error instanceof RefusedError) return error;
    throw error;
  }
}

test("where a key may only write, it gets no digest of a few bytes", async (t) => {
  const { words, out, copy } = folders(t);
  const refusal = /where it may only write.*a multiple of 4096/;
  for (const [file, options, allowed] of [
    [copy, "--start=3 --end=4", false],
    [copy, "--start=4096 --end=4097", false],
    [copy, "--root-first --start=4096s", false],
    [out, "--compare --start=3 --end=4", true],
  ] as const) {
    const given = answer(words, `blockcopy receive ${options} -- ${file}`);
    if (allowed) assert.ok(Array.isArray(given), options);
    else
      assert.ok(given instanceof RefusedError && refusal.test(`${given.message} ${given.advice}`));
  }
  const refused = await serve(words, `blockcopy receive --start=3 --end=4 -- ${copy}`);
  assert.deepEqual([refused.code, refused.stdout.length], [EXIT.permission, 0], refused.stderr);
  assert.match(refused.stderr, refusal);
});

test("a key gets no more threads than there are CPUs", async (t) => {
  const { words, copy } = folders(t);
  const options = "--dry-run --verbose --start=4096 --end=8192 --threads=1000";
  const { stdout, stderr } = await serve(words, `blockcopy receive ${options} -- ${copy}`);
  assert.ok(stdout.length > 0, stderr);
  assert.match(stderr, new RegExp(`threads that hash: ${availableParallelism()},`));
});

test("names that a shell would change, and names relative to the home folder", async (t) => {
  const { words, here, folder } = folders(t);
  for (const name of ["a $(touch harm); 'x' \\ ! \u{1f4be}", "two\nlines"]) {
    const to = join(folder, "in", `${name}.img`);
    writeFileSync(to, changedIn(SOURCE, 1));
    writeFileSync(here, SOURCE);
    assertSynced(await syncServed(folder, words, [here, `host:${to}`]), to);
  }
  const home = scratch(t, homedir());
  const relative = home.slice(homedir().length + 1);
  const rights = ["--allow-read", `${home}/*`];
  writeFileSync(join(home, "a file"), SOURCE);
  for (const path of [`${relative}/a file`, `~/${relative}/a file`]) {
    writeFileSync(here, changedIn(SOURCE, 1));
    assertSynced(await syncServed(folder, rights, [`host:${path}`, here]), here);
  }
});

test("sync says what a key does not allow", async (t) => {
  const { folder, words, here, out, copy } = folders(t);
  for (const [args, pattern] of [
    [[here, `host:${out}`], /writing .*\/out\/disk\.img; .*--allow-write/],
    [["--create", here, `host:${folder}/in/new.img`], /--create; .*--allow-create/],
    [["-a", here, `host:${copy}`], /--perms; .*-t is allowed/],
    [["--digest-cache", "/tmp/a b", here, `host:${copy}`], /--encoded-digest-cache; /],
    [["--sudo", here, `host:${copy}`], /--sudo; /],
    [["--snapshot", "auto", `host:${out}`, here], /--snapshot; .*a snapshot that is made there/],
  ] as const) {
    const outcome = await syncServed(folder, words, args);
    const from = /^ERROR \(sync\): on host: this key does not allow /;
    assertFailed(outcome, EXIT.permission, "sync", from, pattern);
  }
  assert.ok(!existsSync(join(folder, "in/new.img")));
  assertSame(readFileSync(copy), changedIn(SOURCE, 5));
  const twice = await syncServed(folder, words, ["--streams", "2", here, `host:${copy}`]);
  assertFailed(twice, EXIT.permission, "sync", /--queue; leave out --streams/);
});

test("command lines that sync does not write", async (t) => {
  const { words, out, copy, folder } = folders(t);
  const read = `blockcopy retrieve --events -- ${out}`;
  const isEvent = (stderr: string): boolean => /^\{"event":"error".*"code":77/m.test(stderr);
  for (const [line, event] of [
    [undefined, false],
    [`${read}; touch ${folder}/harm`, false],
    [`${read} ${copy}`, true],
    [`blockcopy retrieve --events --compress=zstd:99 -- ${out}`, true],
  ] as const) {
    const { code, stdout, stderr } = await serve(words, line);
    assert.equal(code, EXIT.permission, `${line}: ${stderr}`);
    assert.equal(stdout.length, 0);
    assert.equal(isEvent(stderr), event, `${line}: ${stderr}`);
    if (!event) assert.match(stderr, /^ERROR \(serve\): this key does not allow .*; .*\n$/);
  }
  for (const [line, event, pattern = / /] of [
    ["", false],
    ["id", false],
    [`${read}; touch ${folder}/harm`, false],
    [`${read} $(touch ${folder}/harm)`, false],
    [`${read}\ntouch ${folder}/harm`, false],
    [`${read} 'unfinished`, false],
    [`${read} "quoted"`, false],
    [`sh -c 'touch ${folder}/harm'`, false],
    [`sh -c 'touch ${folder}/harm' blockcopy`, false],
    [`blockcopy sync ${out} ${copy}`, false],
    [`blockcopy serve --allow-read '/*'`, false],
    [`blockcopy -v retrieve -- ${out}`, false],
    [`blockcopy retrieve ${out}`, true],
    [`blockcopy retrieve --`, true],
    [`blockcopy retrieve --events --digest-cache=/tmp/x -- ${out}`, true],
    [`blockcopy retrieve --events --compress -- ${out}`, true],
    [`blockcopy retrieve --no-events -- ${out}`, true],
    [`blockcopy retrieve --embedded -- ${out}`, true],
    ...[
      "snapshot=auto",
      "snapshot-size=1B",
      "hook-timeout=3",
      ...["before", "after", "encoded-before", "encoded-after"].map(
        (option) => `${option}=touch%20${folder}/harm`,
      ),
    ].map((option) => [`blockcopy retrieve --events --${option} -- ${out}`, true] as const),
    [`blockcopy receive --part=2/2 --force -- ${copy}`, true, /--force; leave it out$/],
    [`blockcopy receive --compare --create -- ${folder}/out/new`, true],
    [`blockcopy receive --compare --compare=x -- ${out}`, true],
    [`blockcopy receive --root-first -- ${out}`, true],
    [`blockcopy retrieve --encoded -- %2fetc%2fshadow`, true],
    [`blockcopy retrieve --encoded --home /etc/ -- shadow`, true],
    [`blockcopy retrieve --encoded -- %zz`, true],
    [
      `blockcopy retrieve --events -- ${folder}/out/../destination`,
      true,
      /the path .*; leave out .*\.\./,
    ],
    [`blockcopy retrieve --events -- ~root/file`, true, /the home folder of another user; /],
    [`blockcopy retrieve --events -- nbd://localhost/disk`, true, /an export of an NBD server; /],
    [`blockcopy retrieve --encoded -- nbd%2bunix%3a///%3fsocket%3d/run/x`, true, /an export/],
    [`blockcopy receive --compare -- /etc/passwd`, true],
    [
      `blockcopy retrieve --events --format=qcow2 -- ${out}`,
      true,
      /--format; .*not to the disks in/,
    ],
  ] as const) {
    const refused = answer(words, line);
    assert.ok(refused instanceof RefusedError, line);
    assert.equal(refused.stage !== undefined, event, line);
    assert.match(`${refused.message}; ${refused.advice}`, pattern);
  }
  assert.ok(!existsSync(join(folder, "harm")));
});

test("the command line of serve itself", async () => {
  for (const [words, pattern] of [
    [[], /nothing is allowed; give --allow-read/],
    [["--allow-read", "srv/*"], /"srv\/\*" is not a pattern for absolute paths/],
    [["--allow-write", "/srv/a\\"], /ends with a backslash/],
    // As a shell expands a pattern that is not quoted.
    [["--allow-read", "/srv/a", "/srv/b"], /`\/srv\/b` is not part of an option: put a pattern in/],
  ] as const)
    assertFailed(await serve(words, "id"), EXIT.usage, "serve", pattern);
});

test("--allow-create makes files where they may be written", async (t) => {
  const { folder, words, here } = folders(t);
  writeFileSync(here, SOURCE);
  const made = join(folder, "in/new.img");
  const create = (path: string): Promise<Outcome> =>
    syncServed(folder, [...words, "--allow-create"], ["--create", here, `host:${path}`]);
  assertSynced(await create(made), made);
  const elsewhere = await create(join(folder, "in/new.txt"));
  assertFailed(elsewhere, EXIT.permission, "sync", /not allow writing/);
  const link = join(folder, "in/link.img");
  symlinkSync(join(folder, "elsewhere"), link);
  const linked = await create(link);
  const words77 = /others than root can change the symbolic link .*in\/link\.img; /;
  assertFailed(linked, EXIT.permission, "sync", words77);
  assert.ok(!existsSync(join(folder, "elsewhere")));
});

test("a link of udev leads to its device", { skip: lackingRoot("losetup") }, async (t) => {
  const place = `/dev/blockcopy-test-${process.pid}`;
  const rights = ["--allow-read", `${place}/*`, "--allow-write", `${place}/disk`];
  const folder = scratch(t);
  const content = SOURCE.subarray(0, 2 ** 20);
  const loop = loopWith(t, folder, content);
  mkdirSync(place);
  defer(t, () => rmSync(place, { recursive: true, force: true }));
  symlinkSync(`..${loop.path.slice("/dev".length)}`, join(place, "disk"));
  const here = join(folder, "here");
  writeFileSync(here, changedIn(content, 1));
  assertSynced(await syncServed(folder, rights, [`host:${place}/disk`, here]), here, content);
  writeFileSync(here, changedIn(content, 2, 3));
  const options = ["--lock", "--verify", "full"];
  const pushed = await syncServed(folder, rights, [...options, here, `host:${place}/disk`]);
  assert.equal(pushed.code, EXIT.ok, pushed.stderr);
  assert.deepEqual(readFileSync(loop.path), changedIn(content, 2, 3));
  // The device itself does not match.
  const outcome = await syncServed(folder, rights, [`host:${loop.path}`, here]);
  assertFailed(outcome, EXIT.permission, "sync", /not allow reading \/dev\/loop/);
});

/** Swaps a folder for a link to another one, and back, without a moment in which neither exists. */
function swapping(t: TestContext, folder: string, other: string): () => Promise<void> {
  const link = `${folder}-link`;
  symlinkSync(other, link);
  const python = `import ctypes, sys
libc = ctypes.CDLL(None)
one, other = (word.encode() for word in sys.argv[1:])
while libc.renameat2(-100, one, -100, other, 2) == 0: pass`;
  const child = spawn("python3", ["-c", python, folder, link], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  killAtEnd(t, child);
  return stop;
}

test(
  "a folder that is swapped for a link all the time",
  { skip: lacking("python3") },
  async (t) => {
    const { folder, words, here } = folders(t);
    const [secret, out] = [join(folder, "secret"), join(folder, "out")];
    mkdirSync(secret);
    writeFileSync(join(secret, "disk.img"), Buffer.alloc(SOURCE.length, "secret"));
    const stop = swapping(t, out, secret);
    let copied = 0;
    for (let round = 0; round < 3; round += 1) {
      writeFileSync(here, changedIn(SOURCE, round));
      const outcome = await syncServed(folder, words, [`host:${out}/disk.img`, here]);
      if (outcome.code === EXIT.ok) {
        copied += 1;
        assertSame(readFileSync(here), SOURCE);
      } else {
        assert.ok(
          [EXIT.permission, EXIT.missing].some((code) => code === outcome.code),
          outcome.stderr,
        );
        assertSame(readFileSync(here), changedIn(SOURCE, round));
      }
    }
    await stop();
    t.diagnostic(`${copied} of 3 copies found the folder, the others the link`);
  },
);
