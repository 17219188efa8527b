// The functions of the package: results, events, errors, and what they leave alone in the process that calls them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync, closeSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test, type TestContext } from "node:test";
import type { BlockcopyError, CopyEvent } from "../../src/library/index.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { defer } from "../support/cleanup.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { execute, EXIT, PROJECT } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
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

/** Runs a program that uses the library. */
function program(
  t: TestContext,
  text: string,
  env: Record<string, string> = {},
): ReturnType<typeof spawn> {
  const file = join(scratch(t), "program.mjs");
  writeFileSync(
    file,
    text.replaceAll('"blockcopy"', JSON.stringify(join(PROJECT, "dist/index.js"))),
  );
  const child = spawn(process.execPath, [file], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  killAtEnd(t, child);
  return child;
}

async function outputOf(
  child: ReturnType<typeof spawn>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr?.on("data", (chunk) => (stderr += String(chunk)));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

test("the process of the caller stays as it is", async (t) => {
  const { from, to } = pair(t);
  // NODE_OPTIONS would keep any Node from starting.
  const child = program(
    t,
    `import { readFileSync } from "node:fs";
     const state = () => JSON.stringify({
       env: process.env,
       listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
       flags: readFileSync("/proc/self/fdinfo/1", "utf8").match(/flags:.*/)[0],
       handlers: readFileSync("/proc/self/status", "utf8").match(/Sig(?:Blk|Ign):.*/g),
     });
     process.env.NODE_OPTIONS = "--require /does-not-exist";
     process.env.DEBUG = "*";
     const before = state();
     const { sync } = await import("blockcopy");
     const loaded = state();
     const run = sync({ source: ${JSON.stringify(from)}, destination: ${JSON.stringify(to)} });
     for await (const event of run) if (event.event === "line") console.log(event.line);
     await run.result;
     const after = state();
     console.log(before === loaded && before === after ? "the same" : [before, loaded, after].join("\\n"));`,
  );
  assert.deepEqual(await outputOf(child), { code: 0, stdout: "the same\n", stderr: "" });
});

test("a copy ends when the program that has started it is killed", async (t) => {
  const { from, to } = pair(t);
  const child = program(
    t,
    `import { sync } from "blockcopy";
     const run = sync({ source: ${JSON.stringify(from)}, destination: ${JSON.stringify(to)}, bwlimit: "${SLOW}", compress: "none" });
     for await (const { event } of run) if (event === "begin") console.log(run.pid);`,
  );
  const [line] = (await once(child.stdout ?? assert.fail(), "data")) as [Buffer];
  const pid = Number(line.toString());
  assert.ok(existsSync(`/proc/${pid}`));
  defer(t, () => void (existsSync(`/proc/${pid}`) && process.kill(pid, "SIGKILL")));
  child.kill("SIGKILL");
  await eventually(() => !existsSync(`/proc/${pid}`), { what: "the copy has ended" });
});

test("an error that the program does not handle ends it", async (t) => {
  const child = program(
    t,
    `import { sync } from "blockcopy"; sync({ source: "missing", destination: "other" });`,
  );
  const { code, stderr } = await outputOf(child);
  assert.equal(code, 1);
  assert.match(stderr, /BlockcopyError: .*missing/);
  assert.match(stderr, /advice: /);
});

test("an error of a stream is handled by whoever listens for it, or has destroyed the stream", async (t) => {
  const { from: file } = pair(t);
  const child = program(
    t,
    `import { checksum } from "blockcopy";
     process.on("unhandledRejection", ({ message }) => console.log(/none|data|error|stream/.exec(message)[0]));
     checksum({ file: "none" });
     checksum({ file: "data" }).output.on("data", () => undefined);
     checksum({ file: "error" }).output.on("error", () => undefined);
     checksum({ file: ${JSON.stringify(file)} }).output.destroy();`,
  );
  const { code, stdout, stderr } = await outputOf(child);
  assert.deepEqual([code, stdout.trim().split("\n").toSorted(), stderr], [0, ["data", "none"], ""]);
});
