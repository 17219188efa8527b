// A program that uses the library for as long as its standard input is open, and prints what it holds after every 5
// operations, as JSON. Started with --expose-gc by library.ts.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { library } from "../../support/programs/library.ts";
import { changed, someContent, someLength } from "../content.ts";
import { Random } from "../random.ts";

const { BlockcopyError, checksum, compare, retrieve, save, sync } = library;

const [folder = "", seed = ""] = process.argv.slice(2);
const random = new Random(seed);
const [source, destination] = [join(folder, "from"), join(folder, "to")];

/** Ways to use the library, with its failures. */
const USES = {
  sync: async () => {
    const verify = random.pick(["none", "written", "full"] as const);
    await sync({ source, destination, truncate: true, force: true, verify }).result;
    assertEqual();
  },
  events: async () => {
    const run = sync({ source, destination, truncate: true, force: true, map: true });
    for await (const event of run) if (event.event === "end") break;
    await run.result;
    assertEqual();
  },
  "events that are left": async () => {
    const run = sync({ source, destination, truncate: true, force: true });
    await run[Symbol.asyncIterator]().next();
    await run.result;
    assertEqual();
  },
  abort: async () => {
    const signal = AbortSignal.timeout(random.between(0, 300));
    const options = { source, destination, truncate: true, force: true, signal };
    await sync(options).result.then(assertEqual, expectError("ABORTED"));
  },
  failure: async () => {
    const missing = join(folder, "missing");
    await sync({ source: missing, destination }).result.then(fail, expectError("NO_INPUT"));
  },
  compare: async () => {
    const { equal } = await compare(source, destination).result;
    assert.equal(equal, readFileSync(source).equals(readFileSync(destination)));
  },
  streams: async () => {
    const digests = checksum({ file: destination, extended: true });
    const blocks = retrieve({ file: source, input: digests.output });
    const saved = save({ file: destination, input: blocks.output, truncate: true, force: true });
    await Promise.all([digests.result, blocks.result, saved.result]);
    assertEqual();
  },
  "a reader that goes": async () => {
    const run = checksum({ file: source });
    run.output.destroy();
    await run.result.then(() => {}, expectError("READER_GONE"));
  },
};

function assertEqual(): void {
  assert.ok(readFileSync(source).equals(readFileSync(destination)), "the copy differs");
}

function fail(): never {
  assert.fail("it has succeeded");
}

function expectError(code: string): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof BlockcopyError) || error.code !== code) throw error;
  };
}

/** Timers, sockets and the like that Node waits for. The types of Node 18 lack the function. */
function active(): string[] {
  return (process as unknown as { getActiveResourcesInfo(): string[] }).getActiveResourcesInfo();
}

/** Numbers that must not grow. */
function sample(runs: number): Record<string, number> {
  (globalThis as { gc?: () => void }).gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const children = readdirSync("/proc/self/task").flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean),
  );
  return {
    runs,
    rss,
    heapUsed,
    external,
    fds: readdirSync("/proc/self/fd").length,
    children: children.length,
    resources: active().length,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  };
}

const stopped = new AbortController();
process.stdin.on("end", () => stopped.abort()).resume();
for (let runs = 0; !stopped.signal.aborted; runs += 1) {
  if (runs % 5 === 0) process.stdout.write(`${JSON.stringify(sample(runs))}\n`);
  const content = someContent(random, 1 + someLength(random, 2 ** 20));
  writeFileSync(source, content);
  writeFileSync(destination, changed(random, content));
  const use = random.pick(Object.keys(USES) as (keyof typeof USES)[]);
  try {
    await USES[use]();
  } catch (error) {
    throw new Error(`${use}, operation ${runs} of seed ${seed}`, { cause: error });
  }
}
