// A program that uses the library all the time, watched for growth.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { assertFlat, describe, type Allowed, type Sample } from "./flat.ts";

const USER = fileURLToPath(new URL("library-user.ts", import.meta.url));

/** Descriptors, children and listeners must not grow at all; memory within what a heap needs to settle. */
const ALLOWED: Allowed = {
  rss: 12 * 2 ** 20,
  heapUsed: 2 ** 21,
  external: 2 ** 20,
  fds: 0,
  children: 0,
  resources: 0,
  listeners: 0,
};

/** A watched process. */
export interface Watched {
  /** Resolves with a line of what was measured when it is ended; rejects as soon as it has failed. */
  ended: Promise<string>;
  /** Has it end after the operation that it is at. */
  end: () => void;
}

/** Starts it in a folder of its own. */
export function watchLibrary(parent: string, seed: number): Watched {
  const folder = join(parent, "library");
  mkdirSync(folder);
  const flags = ["--expose-gc", "--import", "tsx"];
  const child = spawn(process.execPath, [...flags, USER, folder, String(seed)], {
    stdio: ["pipe", "pipe", "pipe"],
    // tsx keeps files there.
    env: { ...process.env, TMPDIR: folder },
  });
  const samples: Sample[] = [];
  createInterface(child.stdout).on("line", (line) => samples.push(JSON.parse(line) as Sample));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<string>((resolve, reject) => {
    child.once("close", (code) => {
      try {
        assert.equal(code, 0, `the program that uses the library has failed\n${stderr}`);
        assertFlat(samples, ALLOWED, "a program that uses the library");
        resolve(`library: ${samples.at(-1)?.["runs"]} operations, ${describe(samples, ALLOWED)}`);
      } catch (error) {
        reject(error);
      }
    });
  });
  // Looked at later, too.
  ended.catch(() => {});
  return { ended, end: () => child.stdin.end() };
}
