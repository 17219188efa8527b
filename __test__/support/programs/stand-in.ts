// Stand-ins for a stage on another host, which say and send what a test wants.
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { assertSame } from "../files/bytes.ts";
import { assertFailed, type Outcome, quote, run } from "./cli.ts";
import { blckFrame, headFrame, sealedStream } from "../wire/extended.ts";
import { field, u32, u64 } from "../wire/description-frames.ts";
import { noise, scratch } from "../files/files.ts";
import { sha3 } from "../wire/frames.ts";

export const SIZE = 1024 * 1024;
export const BLOCK = 128 * 1024;
export const OLD = noise("old", SIZE);

export const HELLO = '{"event":"hello","blockcopy":"0.1.0","events":1}';
export const BEGIN = '{"event":"begin","total":1048576,"instance":null}';
/** Begun by a source that does not know how many bytes it is to compare. */
export const OPEN = '{"event":"begin","total":null,"instance":null}';
export const PROGRESS = '{"event":"progress","done":1048576,"counts":{"changed":0}}';
export const END = '{"event":"end","outcome":null}';

export interface Ends {
  folder: string;
  here: string;
  other: string;
}

/** A file here, and one that a host is to have. */
export function ends(t: TestContext): Ends {
  const folder = scratch(t);
  const [here, other] = [join(folder, "here"), join(folder, "other")];
  writeFileSync(here, OLD);
  writeFileSync(other, OLD);
  return { folder, here, other };
}

/** Runs sync with a program in the place of ssh and of all that is on the host. */
export function syncWith(
  folder: string,
  script: string,
  args: readonly string[],
): Promise<Outcome> {
  const rsh = join(folder, "rsh");
  writeFileSync(rsh, `#!/bin/bash\n${script}\n`);
  chmodSync(rsh, 0o755);
  return run(["sync", "-e", rsh, "--remote-command", "x", ...args]);
}

/** A script in place of a stage: prints these lines, reads all its input, writes a stream, and ends with 0. */
function standIn(
  folder: string,
  events: readonly string[],
  stream: Uint8Array = Buffer.alloc(0),
  read = "cat",
): string {
  writeFileSync(join(folder, "stream"), stream);
  const last = events.at(-1) === END ? [END] : [];
  const first = events.slice(0, events.length - last.length);
  const say = (lines: readonly string[]): string[] =>
    lines.map((line) => `echo ${quote([line])} >&2`);
  return [
    "exec 3<&0",
    ...say(first),
    `${read} <&3 > /dev/null & cat ${quote([join(folder, "stream")])}`,
    "exec >&-; wait",
    ...say(last),
  ].join("\n");
}

/** A source on another host, as a stand-in for it behaves. */
export interface Source {
  events: readonly string[];
  stream: Uint8Array;
  /** Options of `sync`. */
  args?: readonly string[];
  /** Content of the destination before the copy; `null` if it does not exist. */
  before?: Buffer | null;
  /** Seconds for which it reads at most; until the end if undefined. The first of several streams ends its own only after the others. */
  reads?: number;
}

/** Copies from a stand-in for a source to a file here. */
export async function pull(
  t: TestContext,
  { events, stream, args = [], before = OLD, reads }: Source,
): Promise<{ outcome: Outcome; here: string }> {
  const { folder, here } = ends(t);
  if (before === null) rmSync(here);
  else {
    writeFileSync(here, before);
    chmodSync(here, 0o600);
  }
  const words = args.includes("--wire") ? args : ["--digest", "sha3-512", ...args];
  const read = reads === undefined ? "cat" : `timeout ${reads} cat`;
  const script = standIn(folder, events, stream, read);
  return { outcome: await syncWith(folder, script, [...words, "host:/s", here]), here };
}

/** Asserts that such a copy fails, and writes nothing. */
export async function assertPullRefused(
  t: TestContext,
  source: Source,
  code: number,
  ...patterns: RegExp[]
): Promise<void> {
  const { outcome, here } = await pull(t, source);
  assertFailed(outcome, code, "sync", ...patterns);
  assertSame(readFileSync(here), source.before ?? OLD);
}

/** The answer of a source of that size. */
export function answer(
  frames: Parameters<typeof sealedStream>[1],
  size: number | null = SIZE,
): Buffer {
  const times = [4, 5].map((tag) => field(tag, Buffer.concat([u64(1_000_000_000), u32(0)])));
  const described = [field(2, "file"), field(3, u32(0o640)), ...times];
  const source = size === null ? [] : [field(1, u64(size)), ...described];
  return sealedStream(headFrame({ source }), frames);
}

export const block = (
  position: number,
  content = noise("evil", 4096),
): Parameters<typeof sealedStream>[1][number] =>
  blckFrame({ position, digest: sha3(content), payload: content });
