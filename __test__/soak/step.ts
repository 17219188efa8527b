// A step of a round: one copy, in its surroundings.
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertSame } from "../support/files/bytes.ts";
import { assertTrue } from "../support/files/cache.ts";
import { environmentHere, prefixHere } from "../support/hosts/hosts.ts";
import { COMMAND, execute, quote, type Outcome } from "../support/programs/cli.ts";
import type { Pair } from "./ends.ts";
import { expected, type Task } from "./expected.ts";
import type { Facts, Given } from "./options.ts";
import type { Random } from "./random.ts";

/** After this time a copy of some MiB counts as hung, however busy the machine is. */
const HANG_MS = 180_000;

/** Most refusals in a row: each takes away an option. */
export const MOST_REFUSALS = 40;

/** Surroundings of a step. */
export interface Step {
  random: Random;
  pair: Pair;
  /** True if there are hosts to copy between. */
  hasHosts: boolean;
  /** Notes what is done, for the report of a failure. */
  note: (line: string) => void;
  /** Counts something, for the report at the end. */
  count: (what: string) => void;
}

/** Both ends before a step. */
export interface Before extends Pick<Task, "source" | "destination" | "isDevice"> {
  facts: Facts;
}

/** Reads both ends. */
export function before({ source, destination }: Pair): Before {
  const isMissing = !existsSync(destination.path);
  const bytes = isMissing ? Buffer.alloc(0) : destination.read();
  const from = source.read();
  const sizes = { source: from.length, destination: isMissing ? undefined : bytes.length };
  const { isDevice } = destination;
  return { source: from, destination: bytes, isDevice, facts: { sizes, isDevice } };
}

/** Runs a bash script on the host "here", where `ssh` reaches the others; without hosts, on this machine. */
export function runHere(
  step: Step,
  script: string,
  env: Record<string, string> = {},
): Promise<Outcome> {
  step.note(script);
  const shell = ["bash", "-c", script];
  if (!step.hasHosts) return execute(shell, { env, timeoutMs: HANG_MS });
  return execute([...prefixHere(), ...shell], {
    env: { ...environmentHere(), ...env },
    timeoutMs: HANG_MS,
  });
}

/** Words of a stage on a host: by ssh, unless that is this one. */
export function onHost(host: string, command: readonly string[], words: readonly string[]): string {
  return host === ""
    ? quote([...command, ...words])
    : quote(["ssh", host, quote(["blockcopy", ...words])]);
}

/** Asserts that both ends are as they should be after a success. */
export function assertCopied(
  { pair }: Step,
  was: Before,
  given: Given,
  ranges?: Task["ranges"],
): void {
  assertSame(pair.source.read(), was.source, "the source, which nothing may change,");
  assertSame(pair.destination.read(), expected({ ...was, given, ranges }), "the destination");
}

/** Asserts that nothing has been written. */
export function assertUntouched({ pair }: Step, was: Before): void {
  assertSame(pair.source.read(), was.source, "the source, which nothing may change,");
  if (was.facts.sizes.destination === undefined)
    assert.ok(!existsSync(pair.destination.path), "a refused copy has left a file");
  else assertSame(pair.destination.read(), was.destination, "the destination of a refused copy");
}

/** Gives the source attributes that differ from those of new files. */
export function setAttributes({ pair, random }: Step): void {
  const { path, isDevice } = pair.source;
  if (isDevice) return;
  chmodSync(path, random.pick([0o600, 0o640, 0o604, 0o700]));
  utimesSync(path, random.between(1, 2e9), random.between(1, 2e9) + 0.5);
  if (process.getuid?.() === 0)
    chownSync(path, random.between(0, 70_000), random.between(0, 70_000));
}

/** Asserts that the attributes that were asked for have been copied. */
export function assertAttributes({ pair }: Step, given: Given): void {
  const { source, destination } = pair;
  if (source.isDevice || destination.isDevice) return;
  const [from, to] = [statSync(source.path), statSync(destination.path)];
  const wants = (...names: string[]): boolean => ["-a", ...names].some((name) => given.has(name));
  if (wants("-t", "--times")) assert.equal(to.mtimeMs, from.mtimeMs, "the time of modification");
  if (wants("-p", "--perms")) assert.equal(to.mode, from.mode, "the permissions");
  if (wants("-o", "--owner")) assert.equal(to.uid, from.uid, "the owner");
  if (wants("-g", "--group")) assert.equal(to.gid, from.gid, "the group");
}

/** Asserts that the digests in a file are those of the destination, by the algorithm and in the blocks that the file names. */
export async function assertKept(step: Step, kept: string): Promise<void> {
  const { stdout } = await runHere(step, quote([...COMMAND, "inspect", kept]));
  const hello = /digest ([\w-]+), blocks of (\d+) bytes/.exec(stdout.toString());
  const options = [`--digest=${hello?.[1]}`, `--block-size=${hello?.[2]}`];
  await assertTrue(kept, step.pair.destination.path, options);
  step.count("digests kept");
}

/** Writes a random range map of some extents within `length`, and beyond it now and then. */
export function writeRanges(step: Step, length: number): [number, number][] {
  const { random } = step;
  const ranges = Array.from({ length: random.between(1, 5) }, (): [number, number] => {
    const at = random.between(0, length);
    return [at, random.between(0, Math.max(1, length - at))];
  });
  writeFileSync(fileOf(step, "ranges"), ranges.map((range) => `${range.join(" ")}\n`).join(""));
  return ranges;
}

/** The name of a file of the round. */
export function fileOf({ pair }: Step, name: string): string {
  return join(pair.folder, name);
}
