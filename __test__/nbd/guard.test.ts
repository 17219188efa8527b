// The guard of a server: it ends the server with the process that has started it, whatever ends that.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { loadAddon } from "../../src/native/load.ts";
import { guarded } from "../../src/transport/processes/guarded.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { eventually } from "../support/programs/eventually.ts";
import { system } from "../support/programs/tools.ts";

/** A shell script under a guard. */
interface Guarded {
  child: ChildProcess;
  /** The descriptor of the pipe that this process holds. */
  hold: number;
  /** Resolves to the exit code or signal, also if it has ended by now. */
  ended: Promise<number | string | null>;
}

/** Starts a shell script under a guard whose pipe this process holds, and waits until it says that it runs. */
async function guard(t: TestContext, script: string): Promise<Guarded> {
  const { read, write } = loadAddon().makePipe(4096);
  const [file, ...args] = guarded(["sh", "-c", script], { again: 1, patience: 3 });
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "ignore", "ignore", read],
    detached: true,
  });
  killAtEnd(t, child);
  closeSync(read);
  // A shell that leaves another one may have ended before that one says anything.
  const ended = once(child, "exit").then(
    ([code, signal]: (number | string | null)[]) => signal ?? code ?? null,
  );
  await once(child.stdout!, "data");
  return { child, hold: write, ended };
}

/** True if a process of the group of a child runs. */
function isAnyLeft({ pid = 0 }: ChildProcess): boolean {
  return system("ps", "-eo", "pgid,stat")
    .split("\n")
    .some((line) => new RegExp(`^ *${pid} [^Z]`).test(line));
}

test("what a guard ends, once its pipe is closed", async (t) => {
  const wait = "while :; do sleep 0.05; done";
  const cases: [script: string, end: string | number][] = [
    ["echo; exec sleep 60", "SIGTERM"],
    ["trap 'trap - TERM' TERM; echo; $wait", "SIGTERM"],
    ["trap '' TERM; echo; $wait", "SIGKILL"],
    ["(trap 'trap - TERM' TERM; echo; $wait) & exit 3", 3],
  ];
  await Promise.all(
    cases.map(async ([script, end]) => {
      const { child, hold, ended } = await guard(t, script.replace("$wait", wait));
      closeSync(hold);
      assert.equal(await ended, end, script);
      await eventually(() => !isAnyLeft(child), { what: `all ends: ${script}`, seconds: 10 });
    }),
  );
});

test("a guard ends with its program", async (t) => {
  const { child, hold, ended } = await guard(t, "echo; sleep 0.1; exit 4");
  assert.equal(await ended, 4);
  closeSync(hold);
  await eventually(() => !isAnyLeft(child), { what: "it ends", seconds: 5 });
});
