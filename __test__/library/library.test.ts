// The functions of the package: results, events and errors.
import assert from "node:assert/strict";
import { existsSync, openSync, closeSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { BlockcopyError, CopyEvent } from "../../src/library/index.ts";
import { defer } from "../support/cleanup.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { execute, EXIT, PROJECT } from "../support/programs/cli.ts";
import { errorIn, library } from "../support/programs/library.ts";
import { changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";

const { BlockcopyError: ErrorClass, checksum, compare, retrieve, save, sync } = library;

/** A rate at which three blocks take three minutes. */
const SLOW = "2K";

async function all(events: AsyncIterable<CopyEvent>): Promise<CopyEvent[]> {
  const list: CopyEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

test("sync: events and result", async (t) => {
  const { from: source, to: destination } = pair(t);
  const run = sync({ source, destination, map: true, verify: "full", blockSize: 2 * BLOCK });
  const events = await all(run);
  const { outcome, summary, map } = await run.result;
  const kinds = events.map(({ event }) => event);
  assert.deepEqual([kinds[0], kinds.at(-1)], ["hello", "end"]);
  for (const kind of ["begin", "progress", "map"] as const) assert.ok(kinds.includes(kind), kind);
  assert.match(outcome, /^Sync done in .*\n/);
  assert.equal(summary?.changed, 6 * BLOCK, "three blocks of twice the usual size");
  assert.equal(summary.read, SOURCE.length);
  assert.equal(map?.length, SOURCE.length);
  assert.ok(readFileSync(destination).equals(SOURCE));
});

test("compare counts the blocks that differ, and writes nothing", async (t) => {
  const { folder, from: a } = pair(t, { source: noise("a", 3 * BLOCK) });
  const content = readFileSync(a);
  const cases: [name: string, b: Buffer, blocks: number, bytes: number][] = [
    ["equal", content, 0, 0],
    ["changed", changedIn(content, 1), 1, BLOCK],
    ["shorter", content.subarray(0, 2 * BLOCK), 1, BLOCK],
    // No block of `a` differs: only the lengths tell.
    ["longer", Buffer.concat([content, noise("more", 2 * BLOCK)]), 0, 0],
  ];
  const run = async ([name, bytes, ...counted]: (typeof cases)[number]): Promise<void> => {
    const b = join(folder, name);
    writeFileSync(b, bytes);
    // As the destination of `sync` it would be refused, because it is in use.
    const fd = openSync(b, "r+");
    defer(t, () => closeSync(fd));
    const { equal, sizes, blocks, bytes: different, first } = await compare(a, b).result;
    assert.equal(equal, name === "equal", name);
    assert.deepEqual([blocks, different], counted, name);
    assert.equal(
      first,
      blocks === 0 ? null : content.length - different - (name === "changed" ? BLOCK : 0),
      name,
    );
    assert.deepEqual(sizes, { a: content.length, b: bytes.length }, name);
    assert.ok(readFileSync(b).equals(bytes), name);
  };
  for (const each of cases) await run(each);
});

test("between hosts: through the remote shell that is given", async (t) => {
  const { folder, from, to } = pair(t);
  const rsh = join(folder, "rsh");
  const login = '#!/bin/sh\nwhile [ "$1" != there ]; do shift; done\nshift\nexec sh -c "$*"\n';
  writeFileSync(rsh, login, { mode: 0o755 });
  const options = { rsh, remoteCommand: join(PROJECT, "dist/cli/blockcopy") };
  const run = sync({ source: `there:${from}`, destination: to, verbose: true, ...options });
  const lines = (await all(run)).flatMap((event) => (event.event === "line" ? event.line : []));
  assert.ok(
    lines.some((line) => line.startsWith("blockcopy sync: there: ")),
    lines.join("\n"),
  );
  assert.ok(Number((await run.result).summary?.sent) > 0);
  assert.ok((await compare(from, `there:${to}`, options).result).equal);
});

test("checksum with root: the same as on the command line", async (t) => {
  const { from: file } = pair(t);
  const { root, algorithm, blockSize, size } = await checksum({
    file,
    root: true,
    blockSize: "64K",
  }).result;
  const { stdout } = await execute([
    join(PROJECT, "dist/cli/blockcopy"),
    "checksum",
    "--root",
    "--block-size=64K",
    file,
  ]);
  assert.equal(`blockcopy-root ${algorithm}/${blockSize} ${size} ${root}\n`, stdout.toString());
});

test("three stages, joined by streams", async (t) => {
  const { from, to } = pair(t);
  const digests = checksum({ file: to, extended: true });
  const blocks = retrieve({ file: from, input: digests.output, compress: "zstd:1" });
  // Any iterable of bytes will do.
  const saved = save({
    file: to,
    input: blocks.output.iterator() as AsyncIterable<Buffer>,
    verify: "written",
  });
  const [read, compared, written] = await Promise.all([
    digests.result,
    blocks.result,
    saved.result,
  ]);
  assert.equal(read.done, SOURCE.length);
  assert.equal(compared.counts.blocks, 3);
  assert.equal(compared.counts.changed, 3 * BLOCK);
  assert.equal(written.verified, "written");
  assert.ok(readFileSync(to).equals(SOURCE));
});

test("what no command could be started with is thrown at once", () => {
  const ends = { source: "a", destination: "b" };
  const cases: [call: () => unknown, message: RegExp][] = [
    [() => sync({ ...ends, verfy: "full" } as never), /no option "verfy"/],
    [() => sync({ ...ends, json: true } as never), /no option "json"/],
    [() => compare("a", "b", { force: true } as never), /no option "force"/],
    [() => sync({ ...ends, force: "yes" } as never), /option force .* string/],
    [() => sync({ ...ends, digest: true } as never), /option digest .* boolean/],
    [() => sync({ ...ends, signal: {} } as never), /signal/],
    [() => sync({ source: "a" } as never), /needs the name/],
    [() => sync({ source: "-", destination: "b" }), /- is standard input/],
    [() => sync({ source: "a\0", destination: "b" }), /zero byte/],
    [() => sync({ source: "a\uDC80", destination: "b" }), /not Unicode/],
    [() => sync({ source: "a", destination: "b", bwlimit: 20 } as never), /without a unit: 20/],
    [() => save({ file: "a" } as never), /input/],
    [() => retrieve({ file: "a", input: "hashes" } as never), /input/],
  ];
  for (const [call, message] of cases) {
    assert.throws(call, (error: BlockcopyError) => {
      assert.ok(error instanceof ErrorClass);
      assert.deepEqual([error.code, error.exitCode], ["USAGE", EXIT.usage]);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("failures have the code, the words and the advice of the command", async (t) => {
  const { folder, from: source, to: destination } = pair(t);
  const missing = join(folder, "missing");
  const stuck = join(folder, "stuck.svg");
  writeFileSync(stuck, "not a map");
  const lost = (): AsyncIterable<Uint8Array> => Readable.from([]);
  const cases: [
    call: () => { result: Promise<unknown> },
    code: string,
    exitCode: number,
    message: RegExp,
  ][] = [
    [() => sync({ source, destination: missing }), "NO_INPUT", EXIT.missing, /missing.*ENOENT/],
    [
      () => sync({ source, destination, blockSize: 5 }),
      "USAGE",
      EXIT.usage,
      /--block-size: 5 bytes/,
    ],
    [() => sync({ source, destination, mapFile: stuck }), "USAGE", EXIT.usage, /stuck/],
    [() => compare(source, source), "USAGE", EXIT.usage, /same/],
    [() => checksum({ file: missing, root: true }), "NO_INPUT", EXIT.missing, /missing/],
    [() => checksum({ file: source, digest: "blake3" }), "USAGE", EXIT.usage, /--digest blake3/],
    [
      () => retrieve({ file: source, input: lost() }),
      "PROTOCOL",
      EXIT.protocol,
      /hash input stream/,
    ],
    [
      () => save({ file: destination, input: lost() }),
      "PROTOCOL",
      EXIT.protocol,
      /block input stream/,
    ],
  ];
  await Promise.all(
    cases.map(async ([call, code, exitCode, message]) => {
      const error = await errorIn(() => call().result);
      assert.deepEqual([error.code, error.exitCode], [code, exitCode], error.message);
      assert.match(error.message, message);
    }),
  );
});

test("an abort ends a copy in good order, and one that comes too late changes nothing", async (t) => {
  const { from: source, to: destination } = pair(t);
  const controller = new AbortController();
  const reason = new Error("enough");
  const run = sync({
    source,
    destination,
    bwlimit: SLOW,
    compress: "none",
    signal: controller.signal,
  });
  const error = await errorIn(async () => {
    for await (const { event } of run) if (event === "begin") controller.abort(reason);
  });
  assert.equal(error.name, "AbortError");
  assert.deepEqual([error.code, error.exitCode, error.cause], ["ABORTED", 143, reason]);
  assert.match(error.message, /ended by SIGTERM/);
  assert.equal(await run.result.catch((same: unknown) => same), error);
  assert.equal(existsSync(`/proc/${run.pid}`), false, "the process has ended");

  const never = await errorIn(
    () => sync({ source, destination, signal: controller.signal }).result,
  );
  assert.deepEqual([never.code, never.cause], ["ABORTED", reason]);

  const early = new AbortController();
  const started = sync({ source, destination, signal: early.signal }).result;
  early.abort();
  const atOnce = await errorIn(() => started);
  assert.equal(atOnce.code, "ABORTED");
  assert.match(atOnce.message, /before it (?:had )?beg[au]n/);

  const late = new AbortController();
  await sync({ source, destination, signal: late.signal }).result;
  late.abort();
  assert.ok(readFileSync(destination).equals(SOURCE));
});

test("an output that is cut off never looks whole", async (t) => {
  const { from: file } = pair(t);
  const run = checksum({ file, bwlimit: "1K" });
  const error = await errorIn(async () => {
    for await (const _ of run.output) process.kill(run.pid ?? 0, "SIGKILL");
  });
  assert.deepEqual([error.code, error.exitCode], ["SIGNALLED", 137]);
});

test("a failed stream ends those that read it and those that write it", async (t) => {
  const { folder, from, to } = pair(t);
  const digests = checksum({ file: join(folder, "missing") });
  const blocks = retrieve({ file: from, input: digests.output });
  const saved = save({ file: to, input: blocks.output });
  const [first, second, third] = await Promise.all(
    [digests, blocks, saved].map((run) => errorIn(() => run.result)),
  );
  assert.deepEqual(
    [first?.code, second?.code, third?.code],
    ["NO_INPUT", "INPUT_FAILED", "INPUT_FAILED"],
  );
  assert.equal(second?.cause, first);

  const whole = checksum({ file: from, bwlimit: "1K" });
  const refused = retrieve({ file: join(folder, "missing"), input: whole.output });
  assert.equal((await errorIn(() => refused.result)).code, "NO_INPUT");
  assert.equal((await errorIn(() => whole.result)).code, "READER_GONE");
});
