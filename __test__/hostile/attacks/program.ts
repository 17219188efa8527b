// Runs the built program on hostile input, and holds it to what is promised for any input.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT, lastLine, type Outcome, run, type RunOptions } from "../../support/programs/cli.ts";

/** The most memory that a process may take, in KiB. */
const MEMORY = 300 * 1024;

/** Control characters, and those that change the order of a text. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** The exit codes of failures that hostile input may cause. */
const REFUSALS: readonly number[] = [
  EXIT.usage,
  EXIT.differs,
  EXIT.busy,
  EXIT.notKept,
  EXIT.io,
  EXIT.cut,
  EXIT.protocol,
  EXIT.permission,
  EXIT.otherDestination,
];

/** One attack, in a folder of its own. */
export interface Attack {
  /** An empty folder. Nothing else may be written to. */
  folder: string;
  /** Files of that folder that the program may change, by their names. */
  mayChange?: readonly string[];
  args: readonly string[];
  options?: RunOptions;
}

/** The bytes of the files in a folder, by their names. */
function filesIn(folder: string): Map<string, string> {
  const names = readdirSync(folder).toSorted();
  return new Map(names.map((name) => [name, readFileSync(join(folder, name)).toString("latin1")]));
}

/**
 * Runs the program. Asserts that it ends, in a way that it documents, within its memory, with messages that can be shown,
 * and that no other file has changed.
 */
export async function attack({
  folder,
  args,
  mayChange = [],
  options = {},
}: Attack): Promise<Outcome> {
  const before = filesIn(folder);
  const peak = join(folder, "peak");
  const prefix = ["time", "--quiet", "--format=%M", `--output=${peak}`];
  const outcome = await run(args, { ...options, prefix });
  const after = filesIn(folder);
  const kibibytes = Number(after.get("peak"));
  assert.ok(kibibytes > 0 && kibibytes <= MEMORY, `${kibibytes} KiB`);
  for (const name of ["peak", ...mayChange])
    for (const files of [before, after]) files.delete(name);
  assert.deepEqual([...after.keys()], [...before.keys()], "other files");
  for (const [name, content] of before)
    assert.ok(after.get(name) === content, `${name} was changed`);
  assertDocumented(outcome);
  return outcome;
}

/** Asserts that the end of a process and its messages are as documented. */
function assertDocumented({ code, signal, stderr }: Outcome): void {
  assert.equal(signal, null, `killed by ${signal}`);
  assertShowable(stderr);
  if (code === EXIT.ok) return;
  assert.ok(REFUSALS.includes(code ?? -1), `exit code ${code}: ${stderr}`);
  assert.match(lastLine(stderr), /^ERROR \([a-z]+\): .*; \S/, stderr);
  assert.ok(lastLine(stderr).length < 16_384, "the message is too long");
  assert.doesNotMatch(stderr, /^\s+at .*:\d+:\d+\)?$/m, "a stack trace");
}

/** Asserts that a text can be shown on a terminal. */
export function assertShowable(text: string): void {
  for (const line of text.split("\n")) assert.doesNotMatch(line, UNSAFE, "it goes to a terminal");
}
