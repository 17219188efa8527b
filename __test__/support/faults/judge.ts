// Holds of every run, whatever has failed: a success is true, a failure is told, and the next run heals it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getSystemErrorMap } from "node:util";
import { bash, blockcopy, EXIT, lastLine, type Outcome, quote, run } from "../programs/cli.ts";
import type { Fault } from "./inject.ts";
import { argumentsOf, NEW, OLD, resultOf, type Scenario } from "./scenarios.ts";

/** Result of a run without faults. */
export interface Expected {
  stdout: Buffer;
  /** Content of the file that it writes. */
  result: Buffer | undefined;
  /** Names of the files in the folder. */
  names: readonly string[];
}

/** A run, and where it took place. */
export interface Case {
  folder: string;
  scenario: Scenario;
  /** Content of the file that it writes, before. */
  before: Buffer | undefined;
  expected: Expected;
  fault: Fault;
}

/** The names of the files in a folder. */
export function namesIn(folder: string): string[] {
  return readdirSync(folder).toSorted();
}

/** Returns what is wrong with a run; nothing, if it kept every promise. */
export async function complaints(outcome: Outcome, tried: Case): Promise<string[]> {
  return [
    ...aboutEnd(outcome, tried),
    ...(await aboutContent(outcome, tried)),
    ...(await aboutNext(outcome, tried)),
  ];
}

/** Calls whose failure ends Node itself, by a signal or with a trace of its own, wherever it needs them. */
const NODE_NEEDS = [
  "mmap",
  "mprotect",
  "fcntl",
  "clone3",
  "close",
  "read",
  "write",
  "pread64",
  "openat",
  "statx",
  "eventfd2",
  "epoll_ctl",
  "epoll_create1",
];

/** True if Node has ended the process before the program could say anything: its own trace, without a line of the program. */
function isEndOfNode({ code, stderr }: Outcome, { fault }: Case): boolean {
  const byNode = (code === 1 && stderr.includes("Node.js v")) || isBySignal(code);
  return (
    byNode &&
    fault.path === undefined &&
    NODE_NEEDS.includes(fault.call) &&
    !PROGRAM_LINE.test(stderr)
  );
}

/** True if a signal has ended the process. One whose reader has gone ends by itself, with such a code too. */
function isBySignal(code: number | null): boolean {
  return code !== EXIT.readerGone && (code ?? 0) > 128;
}

/** A line of a trace in the program, other than the one that imports it all. */
const PROGRAM_LINE = /^\s+at .*dist\/cli\/(?!main\.js)/m;

/** The exit code and the message. */
function aboutEnd(outcome: Outcome, tried: Case): string[] {
  const { code, stderr } = outcome;
  const { scenario, fault } = tried;
  const { call, error } = fault;
  const last = lastLine(stderr);
  if (code === EXIT.ok) return /^ERROR/m.test(stderr) ? [`success with an error: ${last}`] : [];
  if (isEndOfNode(outcome, tried)) return [];
  const documented: readonly (number | null)[] = Object.values(EXIT);
  if (code === EXIT.internal || !documented.includes(code)) return [`exit ${code}: ${last}`];
  if (/^\s+at .*:\d+:\d+\)?$/m.test(stderr)) return [`a stack trace: ${stderr}`];
  if (code === EXIT.readerGone) return [];
  // Each of several processes has a call of this number, and the last one may be that of the message.
  if (last === "" && call.startsWith("write") && scenario.stage === "sync") return [];
  if (!/^ERROR \([\w-]+\): .+; \S/.test(last)) return [`no message with advice: ${last}`];
  const named = [error, textOf(error)].some((word) =>
    last.toLowerCase().includes(word.toLowerCase()),
  );
  return named || says(last, call) ? [] : [`does not say ${error}: ${last}`];
}

/** True if a message need not name the error, because it says the same in other words, or cannot know it. */
function says(message: string, call: string): boolean {
  return (
    // The C library turns a lack of memory for a thread into EAGAIN.
    (/^(?:clone|mmap|mprotect)/.test(call) && /cannot start \d+ .*threads/.test(message)) ||
    // A Node that waits forever for a thread that could not start looks like one that was stopped.
    (/^(?:clone|mmap|mprotect)/.test(call) && /for \d+ seconds; .*free memory/.test(message)) ||
    // The dynamic linker and Node look for a library in several places, and say that it is nowhere.
    /the engine (?:.* )?(?:cannot be loaded|is not built|is not installed)/.test(message) ||
    // It quotes what a program that could not start has said.
    message.includes("blockcopy cannot be run on") ||
    // A stage whose standard error takes nothing cannot say why.
    /never said that (?:it is done|its file is open)/.test(message) ||
    (call === "sendto" && message.includes("never said that it runs")) ||
    // In a stage too, Node may end itself.
    /ended (?:without an error message \(|by )SIG(?:ABRT|SEGV|TRAP|ILL)/.test(message) ||
    // A shell that cannot put its standard streams back goes on with another one, or with none.
    (call === "dup2" &&
      /unknown command received|never said that it runs|without saying why|EBADF/.test(message)) ||
    // A shell that cannot read on takes that for the end of its script.
    (call === "read" && message.includes("never said that it runs")) ||
    // Node looks at a file, and says that it is missing whatever the error was.
    (call === "statx" && message.includes("Cannot find module")) ||
    (call === "flock" && message.includes("locked by another process"))
  );
}

function textOf(error: string): string {
  return (
    { EIO: "input/output error", EAGAIN: "resource temporarily unavailable" }[error] ??
    fromNode(error)
  );
}

function fromNode(error: string): string {
  for (const [name, text] of getSystemErrorMap().values()) if (name === error) return text;
  return error;
}

/** The files: each byte of what is written is as it was, or as it is to be, and nothing else is there. */
async function aboutContent(
  { code, stdout }: Outcome,
  { folder, scenario, before, expected, fault }: Case,
): Promise<string[]> {
  const found = resultOf(folder, scenario);
  const strange = namesIn(folder).filter((name) => !expected.names.includes(name));
  // As after kill -9, an incomplete file stays, under its temporary name; and if it cannot be removed.
  const mayStay = isBySignal(code) || fault.call.startsWith("unlink");
  const left = (mayStay ? [] : strange).map(
    (name) => `left over: ${name.replaceAll(/[0-9a-f-]{8,}/g, "ID")}`,
  );
  if (code === EXIT.ok) {
    const isMade = (found !== undefined) === (expected.result !== undefined);
    const isEqual =
      found === undefined ||
      expected.result?.equals(found) === true ||
      (scenario.written === "delta" && (await copies(found, folder)));
    const isSaid =
      stdout.equals(expected.stdout) ||
      (scenario.stage === "retrieve" && (await copies(stdout, folder)));
    return isMade && isEqual && isSaid ? left : [...left, "SUCCESS WITH A WRONG BYTE"];
  }
  // A delta has its name only when it is complete.
  if (found === undefined || expected.result === undefined || scenario.written === "delta")
    return found === undefined || scenario.written !== "delta"
      ? left
      : [...left, "an incomplete delta"];
  for (let at = 0; at < found.length; at += 1) {
    const byte = found[at];
    const known = byte === before?.[at] || byte === expected.result[at];
    if (!known && !(byte === 0 && at >= (before?.length ?? 0)))
      return [...left, `a byte that is neither old nor new at ${at}`];
  }
  return left;
}

/**
 * True if a block stream makes the source of the destination. It may lack the names of owner and group, if the system cannot find them, or
 * name another time of the last access, which depends on the way in which the source is read.
 */
async function copies(stream: Buffer, folder: string): Promise<boolean> {
  const path = join(folder, "destination");
  writeFileSync(path, OLD);
  const saved = await run(["save", path], { stdin: stream });
  return saved.code === EXIT.ok && readFileSync(path).equals(NEW);
}

/** A script that runs a scenario again. A block stream is made for a destination as it was, so all three stages run again. */
function nextOf(scenario: Scenario): string {
  const command = blockcopy(...argumentsOf(scenario));
  if (scenario.stage !== "save") return command;
  const first = blockcopy("checksum", "--extended", "--create", scenario.written ?? "");
  return `${first} | ${blockcopy("retrieve", "source")} | ${command}`;
}

/** The same command without a fault: it ends with the same bytes. */
async function aboutNext(
  { code }: Outcome,
  { folder, scenario, before, expected }: Case,
): Promise<string[]> {
  if (code === EXIT.ok || scenario.written === undefined) return [];
  const found = resultOf(folder, scenario);
  const untouched = found === undefined ? before === undefined : before?.equals(found) === true;
  if (untouched) return [];
  const next = await bash(`cd ${quote([folder])}; set -o pipefail; ${nextOf(scenario)}`);
  if (next.code !== EXIT.ok) return [`the next run fails: ${lastLine(next.stderr)}`];
  return resultOf(folder, scenario)?.equals(expected.result ?? Buffer.alloc(0)) === true
    ? []
    : ["THE NEXT RUN LEAVES A WRONG BYTE"];
}
