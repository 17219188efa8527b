// The commands of --before and --after: their order, their limits, and that the second runs whatever happened.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { assertSame } from "../support/files/bytes.ts";
import { noise, scratch } from "../support/files/files.ts";
import { lackingLoop } from "../support/files/loop.ts";
import { mountCloning } from "../support/files/mount.ts";
import {
  assertFailed,
  COMMAND,
  environment,
  EXIT,
  lastLine,
  run,
} from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { lacking, lackingRoot } from "../support/programs/tools.ts";

const skip = lackingLoop || lacking("mkfs.xfs");
const [OLD, NEW] = [noise("old", 300_000), noise("new", 300_000)];

interface Rig {
  from: string;
  to: string;
  /** Returns the lines that the commands have logged. */
  log: () => string;
  /** Makes the log empty. */
  forget: () => void;
  /** A command that logs a word. */
  note: (word: string) => string;
}

function rig(t: TestContext): Rig {
  const folder = scratch(t);
  const point = mountCloning(t, folder, { type: "xfs", size: 320 * 2 ** 20 });
  const [from, to, file] = [join(point, "disk"), join(folder, "copy"), join(folder, "log")];
  writeFileSync(from, NEW);
  writeFileSync(to, OLD);
  const log = (): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
  const forget = (): void => rmSync(file, { force: true });
  return { from, to, log, forget, note: (word) => `echo ${word} >>${file}` };
}

const FAILURES: readonly [
  name: string,
  words: (rig: Rig) => string[],
  says: RegExp,
  log: string,
][] = [
  [
    "--before fails",
    ({ note }) => ["--before", "echo locked; exit 3", "--after", note("after")],
    /--before failed: exit code 3: locked; run it by hand to see why$/,
    "after\n",
  ],
  [
    "--after fails",
    ({ note }) => ["--before", note("before"), "--after", `${note("after")}; exit 4`],
    /--after failed: exit code 4; nothing was copied; see that nothing stays frozen/,
    "before\nafter\n",
  ],
  [
    "both fail",
    ({ note }) => ["--before", "no-such-program", "--after", `${note("after")}; exit 4`],
    /--before failed: exit code 127: .*no-such-program: not found/,
    "after\n",
  ],
  [
    "--before takes too long, and what it has started ignores SIGTERM",
    ({ note }) => {
      const before = `(trap "" TERM; sleep 2.5; ${note("late")}); true`;
      return ["--hook-timeout", "1", "--before", before, "--after", note("after")];
    },
    /--before failed: it took longer than 1 seconds; run it by hand .*--hook-timeout/,
    "after\n",
  ],
];

test("a command that fails: nothing is copied", { skip }, async (t) => {
  const made = rig(t);
  const { from, to, log } = made;
  for (const [name, words, says, logged] of FAILURES) {
    made.forget();
    const outcome = await run(["sync", "--snapshot", "auto", ...words(made), from, to]);
    assert.equal(outcome.code, EXIT.busy, `${name}: ${outcome.stderr}`);
    assert.match(lastLine(outcome.stderr), says, name);
    assert.equal(log(), logged, name);
  }
  await setTimeout(1500);
  assert.equal(log(), "after\n", "what the last one has started has ended too");
  assertSame(readFileSync(to), OLD, "the destination");
});

test(
  "with timeout(1) of busybox, what a command has started ends with it",
  { skip: skip || lackingRoot("busybox", "unshare") },
  async (t) => {
    const { from, to, log, note } = rig(t);
    const setup = 'mount --bind "$(command -v busybox)" "$(readlink -f /usr/bin/timeout)"';
    const prefix = ["unshare", "--mount", "sh", "-c", `${setup} && exec "$@"`, "sh"];
    const before = `sleep 2; ${note("late")}; true`;
    const words = [
      "--hook-timeout",
      "1",
      "--before",
      `(${before}) & wait`,
      "--after",
      note("after"),
    ];
    const outcome = await run(["sync", "--snapshot", "auto", ...words, from, to], { prefix });
    assertFailed(outcome, EXIT.busy, "sync", /--before failed: it took longer than 1 seconds/);
    await setTimeout(1500);
    assert.equal(log(), "after\n");
  },
);

test("--after runs if the snapshot cannot be made", { skip }, async (t) => {
  const { from, to, log, note } = rig(t);
  const before = `${note("before")}; mount -o remount,ro ${dirname(from)}`;
  const words = ["--snapshot", "auto", "--before", before, "--after", note("after")];
  const outcome = await run(["sync", ...words, from, to]);
  assertFailed(
    outcome,
    EXIT.busy,
    "sync",
    /disk cannot be cloned: .*[Rr]ead-only.*; if nothing can write to it/,
  );
  assert.equal(log(), "before\nafter\n");
});

test("--after runs after a signal, and not before --before has ended", { skip }, async (t) => {
  const { from, to, log, note, forget } = rig(t);
  const [file = "", ...args] = COMMAND;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    forget();
    const before = `${note("begin")}; sleep 1; ${note("end")}`;
    const words = ["--snapshot", "auto", "--before", before, "--after", note("after")];
    const child = spawn(file, [...args, "retrieve", ...words, from], {
      env: environment(),
      stdio: ["pipe", "ignore", "ignore"],
    });
    await eventually(() => log() === "begin\n", { what: "begun" });
    child.kill(signal);
    await once(child, "exit");
    await eventually(() => log() === "begin\nend\nafter\n", { what: "run", detail: log });
  }
  assertSame(readFileSync(to), OLD, "the destination");
});

test("--after runs if all processes of the unit are ended", { skip }, async (t) => {
  const { from, log, note } = rig(t);
  const before = `${note("begin")}; sleep 600`;
  const words = ["--snapshot", "auto", "--before", before, "--after", note("after")];
  const [file = "", ...args] = COMMAND;
  const child = spawn(file, [...args, "retrieve", ...words, from], {
    env: environment(),
    stdio: ["pipe", "ignore", "ignore"],
  });
  await eventually(() => log() === "begin\n", { what: "begun" });
  let started: number[] = [];
  const isWaiting = (): boolean => (started = descendants(child.pid ?? 0)).length >= 4;
  await eventually(isWaiting, { what: "waited", detail: () => String(started) });
  // As systemd does it: SIGTERM to each process of the control group.
  for (const pid of started) terminate(pid);
  await eventually(() => log() === "begin\nafter\n", { what: "run", detail: log });
});

/** Sends SIGTERM to a process, unless it has ended with the one that had started it. */
function terminate(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
  }
}

/** Lists a process and all that descend from it. */
function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return [pid, ...children.split(" ").filter(Boolean).map(Number).flatMap(descendants)];
}

test("--after runs if the snapshot waits for what --before has frozen", { skip }, async (t) => {
  const { from, to, log, note } = rig(t);
  const point = dirname(from);
  const words = ["--hook-timeout", "2", "--before", `fsfreeze -f ${point}`];
  const after = `fsfreeze -u ${point}; ${note("after")}`;
  const outcome = await run(["sync", "--snapshot", "auto", ...words, "--after", after, from, to]);
  const says = /run before the snapshot was made, which took longer than 2 seconds/;
  assertFailed(outcome, EXIT.busy, "sync", says);
  assert.equal(log(), "after\n");
  assertSame(readFileSync(to), OLD, "the destination");
});
