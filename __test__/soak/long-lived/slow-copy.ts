// A copy that takes as long as the soak, watched for growth: its memory must not depend on how much it has copied.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
  closeSync,
} from "node:fs";
import { join } from "node:path";
import { COMMAND, environment } from "../../support/programs/cli.ts";
import { system } from "../../support/programs/tools.ts";
import type { Random } from "../random.ts";
import { assertFlat, describe, type Allowed, type Sample } from "./flat.ts";
import type { Watched } from "./library.ts";

/** Bytes per second. */
const RATE = 1024 * 1024;

const FIXED: Allowed = { fds: 0, processes: 0, threads: 0 };

/**
 * V8 lets some 15 MiB of garbage gather in the heap of each of the three processes before it collects all of it, and doubles its young
 * generation once or twice. A leak of 1.5 KiB for each block would be twice as much.
 */
const ALLOWED: Allowed = { rss: 40 * 2 ** 20, ...FIXED };

/** With fewer samples, one every two seconds, the heaps may still grow. */
const SETTLED = 150;

/** Starts it in a folder of its own; it lasts for `seconds` or a little less. */
export function watchSlowCopy(parent: string, random: Random, seconds: number): Watched {
  const folder = join(parent, "slow-copy");
  mkdirSync(folder);
  const [source, destination] = [join(folder, "from"), join(folder, "to")];
  const length = Math.floor(seconds * 0.8) * RATE;
  writeNoise(source, random, length);
  writeFileSync(destination, "");
  const [file = "", ...first] = COMMAND;
  const options = [
    "--truncate",
    "--block-size=4K",
    `--bwlimit=${RATE}B`,
    "--verify=full",
    "--quiet",
  ];
  const child = spawn(file, [...first, "sync", ...options, source, destination], {
    stdio: ["ignore", "ignore", "pipe"],
    env: environment(),
  });
  process.once("exit", () => child.kill());
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const samples: Sample[] = [];
  const timer = setInterval(() => samples.push(sampleOf(child.pid ?? 0)), 2000);
  const ended = new Promise<string>((resolve, reject) => {
    child.once("close", (code) => {
      clearInterval(timer);
      try {
        assert.equal(code, 0, `the slow copy has failed\n${stderr}`);
        system("cmp", source, destination);
        const seen = samples.slice(0, -2);
        assertFlat(seen, seen.length < SETTLED ? FIXED : ALLOWED, "the slow copy");
        resolve(`slow copy: ${length} bytes, ${describe(seen, ALLOWED)}`);
      } catch (error) {
        reject(error);
      }
    });
  });
  ended.catch(() => {});
  return { ended, end: () => {} };
}

function writeNoise(path: string, random: Random, length: number): void {
  const fd = openSync(path, "w");
  for (let at = 0; at < length; at += 2 ** 20)
    writeSync(fd, random.bytes(Math.min(2 ** 20, length - at)));
  closeSync(fd);
}

/** A sample of a process and its children together. */
function sampleOf(pid: number): Sample {
  const sum: Sample = { rss: 0, fds: 0, processes: 0, threads: 0 };
  for (const each of family(pid)) {
    try {
      const status = readFileSync(`/proc/${each}/status`, "utf8");
      sum["rss"] = (sum["rss"] ?? 0) + field(status, "VmRSS") * 1024;
      sum["threads"] = (sum["threads"] ?? 0) + field(status, "Threads");
      sum["fds"] = (sum["fds"] ?? 0) + readdirSync(`/proc/${each}/fd`).length;
      sum["processes"] = (sum["processes"] ?? 0) + 1;
    } catch {
      // It has ended between the calls.
    }
  }
  return sum;
}

function field(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
}

function family(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return [pid, ...children.split(" ").filter(Boolean).map(Number).flatMap(family)];
  } catch {
    return [];
  }
}
