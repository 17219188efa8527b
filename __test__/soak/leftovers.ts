// The files and processes that a round may leave: it fails if there are others.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { eventually } from "../support/programs/eventually.ts";

/** Names in a round's folder that a copy may leave: those that options name, and those of the soak itself. */
const KNOWN =
  /^(?:source|destination|device-\d+|ranges|digests|map\.svg|metrics\.prom|hashes|(?:sync-)?delta|(?:checksum|retrieve|save)\.(?:err|code))$/;

/** Asserts that a round's folder has no other files. */
export function assertKnownFiles(folder: string): void {
  assert.deepEqual(
    readdirSync(folder).filter((name) => !KNOWN.test(name)),
    [],
    "unknown files next to the copy",
  );
}

/** Asserts that a folder for temporary files is as it was. */
export function assertSameNames(folder: string, names: readonly string[]): void {
  const left = readdirSync(folder).filter((name) => !names.includes(name));
  assert.deepEqual(left, [], `left in ${folder}`);
}

/** Processes that name `path` on their command line. */
function processesWith(path: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => commandOf(pid))
    .filter((command) => command.includes(path));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // ended between the two calls
  }
}

/** Waits until no process names `path` any more: what is left after ten seconds is left for good. */
export async function assertNoProcess(path: string): Promise<void> {
  await eventually(() => processesWith(path).length === 0, {
    what: "ended, all that works on the round's files",
    seconds: 10,
    detail: () => processesWith(path).join("\n"),
  });
}
