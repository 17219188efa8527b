// The programs that take the place of those of a lost stream, as they are made while other streams are lost too.
import assert from "node:assert/strict";
import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { PartQueue } from "../../src/blocks/part-queue.ts";
import { NOTHING_SENT } from "../../src/sync/connection/host-lines.ts";
import type { Endpoint } from "../../src/sync/connection/endpoint.ts";
import { LostConnections } from "../../src/sync/failures/lost-connection.ts";
import { causeOf } from "../../src/sync/failures/which-failed.ts";
import { Side } from "../../src/sync/side.ts";
import {
  type CopyPlan,
  type ProgramOptions,
  programsOf,
  sidesOf,
  streamsOf,
} from "../../src/sync/stream-programs.ts";
import { runPipeline } from "../../src/transport/processes/pipeline.ts";
import type { Program } from "../../src/transport/processes/program.ts";
import { SharedList } from "../../src/transport/files/shared-list.ts";
import { defer } from "../support/cleanup.ts";
import { scratch } from "../support/files/files.ts";
import { EXIT, quote, run } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { makePipe, start } from "../support/programs/pipe.ts";
import { END } from "../support/programs/stand-in.ts";
import { pair } from "../support/programs/sync-pair.ts";

const ID = "01234567-89ab-cdef-0123-456789abcdef";

/** A copy over three connections to a host. */
const plan = {
  source: { kind: "local", path: "/a" },
  destination: { kind: "remote", host: "host", path: "/b" },
  remote: { rsh: "ssh", remoteCommand: "blockcopy", sudo: false, bootstrap: "never", timeout: 60 },
  copy: { streams: 3, verify: "none", snapshot: "none" },
} as CopyPlan;

/** A copy whose streams have begun, and how its connections are lost. */
interface Copy {
  options: ProgramOptions;
  /** Puts new sides in the place of those of a stream, as if its connection had been lost. */
  replace: (place: number) => void;
  /** Lets the programs of a stream end. */
  end: (place: number) => void;
  /** Returns the command for the destination of a stream. */
  commandAt: (place: number) => string;
}

function begin({ hasQueue = true } = {}): Copy {
  const streams = streamsOf(plan);
  const watch = { begin() {}, heard() {}, loggedIn() {}, done() {}, end() {} };
  const observers = { listener: { of: () => () => {} }, silence: { watch: () => watch } };
  const says = { warn() {}, debug() {} };
  const options = { plan, sent: NOTHING_SENT, streams, observers, says } as unknown;
  const copy = options as ProgramOptions;
  const at = (place: number): { to: Side; from: Side } => {
    const stream = streams[place];
    assert.ok(stream !== undefined);
    return stream;
  };
  streams.forEach(({ to, from }, place) => {
    const queue = hasQueue ? { queue: `${place + 10}/20/${ID}/21` } : {};
    to.take(JSON.stringify({ event: "begin", total: 1, process: `${place + 10}/1`, ...queue }));
    from.take('{"event":"begin","total":1,"size":1}');
  });
  const end = (place: number): void => [at(place).to, at(place).from].forEach((s) => s.ended());
  return {
    options: copy,
    replace: (place) => {
      end(place);
      Object.assign(at(place), sidesOf(plan, at(place)));
    },
    end,
    commandAt: (place) => programsOf(copy, place)[0]?.command().join(" ") ?? "",
  };
}

describe("programs in the place of lost ones", () => {
  test("do not wait for others that may be lost too", () => {
    const { options, replace } = begin();
    replace(0);
    replace(1);
    const waiting = programsOf(options, 1).filter(({ startAfter }) => startAfter !== undefined);
    assert.equal(waiting.length, 0);
    assert.ok(programsOf(options, 2).every(({ startAfter }) => startAfter !== undefined));
  });

  test("open the queue of a stage that runs", () => {
    const { commandAt, replace } = begin();
    [0, 1, 1].forEach(replace);
    assert.match(commandAt(0), RegExp(`--part=1/3 .*--queue=12/20/${ID}/21 --replaces=10/1 `));
    assert.match(commandAt(1), RegExp(`--part=2/3 --queue=12/20/${ID}/21 --replaces=11/1 `));
  });

  test("do not open the queue of a stage that is done", () => {
    const { options, commandAt, replace } = begin();
    replace(0);
    options.streams[1]?.to.take(END);
    assert.match(commandAt(0), /--queue=12\//);
  });

  test("open the last known queue if the others have ended since", () => {
    const { commandAt, replace, end } = begin();
    [0, 0, 1, 1].forEach(replace);
    end(2);
    for (const place of [0, 1]) {
      assert.match(commandAt(place), RegExp(`--queue=10/20/${ID}/21 --replaces=1${place}/1 `));
    }
  });

  test("open the queue that a stage has named first", () => {
    const { options, commandAt, replace } = begin();
    options.streams.forEach(({ to }) => to.take('{"event":"begin","total":1}'));
    replace(1);
    assert.match(commandAt(1), RegExp(`--queue=10/20/${ID}/21 `));
  });

  test("are not made without a queue", () => {
    const { commandAt, replace } = begin({ hasQueue: false });
    assert.doesNotMatch(commandAt(1), /--queue/);
    replace(1);
    assert.throws(() => commandAt(1), /no name/);
  });
});

test("after some attempts, a stream gets no new connection", () => {
  const end = { kind: "remote", host: "host", path: "/x" } as Endpoint;
  const warnings: string[] = [];
  const lost = new LostConnections((message) => warnings.push(message));
  let side = new Side(end, "destination");
  side.take('{"event":"begin","total":null,"process":"7/8"}');
  const decide = (): [number, boolean] => {
    const ends = [{ side, status: { code: 255 } }];
    const stream = { number: 2, count: 2, ends, isJoinable: true };
    assert.equal(lost.pauseAfter({ ...stream, isJoinable: false }), 0);
    const pause = lost.pauseAfter(stream);
    const isReplaced = lost.mayReplace(stream);
    side = new Side(end, "destination", { before: side });
    return [pause, isReplaced];
  };
  const attempts = [1000, 5000, 15_000, 30_000].map((pause) => [pause, true]);
  assert.deepEqual(decide(), [0, true]);
  assert.deepEqual(attempts.map(decide), attempts);
  assert.deepEqual(decide(), [0, false]);
  assert.equal(warnings.length, 5);
});

test("a stream that misses the first one is not the cause, even if it ends before it", () => {
  const streams = streamsOf(plan);
  const [first, second] = streams;
  const error = { event: "error", message: "", advice: "", consequence: false };
  first?.to.take(JSON.stringify({ ...error, code: 64 }));
  second?.to.take(JSON.stringify({ ...error, code: 74, firstStreamGone: true }));
  const sides = streams.flatMap(({ to, from }) => [to, from]);
  const statuses = sides.map(() => ({ code: 74 }));
  assert.equal(causeOf(sides, statuses, sides.indexOf(second?.to as Side)).side, first?.to);
});

test("a program whose command cannot be made ends the others first", async (t) => {
  const ended = join(scratch(t), "ended");
  const onLine = (): void => undefined;
  const line = `sleep 0.3; : > ${quote([ended])}`;
  const works: Program = { command: () => ["sh", "-c", line], onLine };
  const command = (): never => {
    throw new Error("no command");
  };
  const group = { places: [1], mayBeLost: () => true, pause: () => 0, replace: () => undefined };
  const noPipe = (): never => assert.fail("no program has a pipe");
  const abort = new AbortController().signal;
  const running = runPipeline({ makePipe: noPipe }, [works, { command, onLine }], [], {
    abort,
    groups: [group],
  });
  await assert.rejects(running, /no command/);
  assert.ok(existsSync(ended), "the other program still runs");
});

test("two processes of one stream", async (t) => {
  const { folder, to } = pair(t);
  const list = openSync(join(folder, "list"), "w+");
  defer(t, () => closeSync(list));
  const size = 5_255_225;
  const copy = { size, grownTo: size, openEnded: true, streams: 2, length: 4 * 2 ** 20, parts: 2 };
  const queue = PartQueue.create(SharedList.create({ makeMemoryFile: () => list }), copy, 1).name;
  const args = ["receive", "--part=2/2", `--queue=${queue}`, "--force", "--verbose", to];
  const [stdin, stdout] = [makePipe(t), makePipe(t)];
  const one = start(t, args, { stdin: stdin.reader.fd, stdout: stdout.writer.fd });
  await eventually(() => one.stderr().includes("stream 2 takes the part"), { what: "took a part" });
  const other = await run(args);
  assert.equal(other.code, EXIT.cut, other.stderr);
  assert.match(other.stderr, /another process already copies the parts of stream 2/);
});
