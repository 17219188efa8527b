import { closeSync, ftruncateSync, openSync } from "node:fs";
import { run } from "../../common/processes.ts";
import type { Tool } from "../machine/tools.ts";

/** The output of `checksum` with `options` for a destination of `size` bytes that is one hole, kept in the file `kept`. */
export function keepHashes(
  { command }: Tool,
  kept: string,
  size: number,
  options: readonly string[],
): void {
  const destination = `${kept}.destination`;
  const file = openSync(destination, "w");
  ftruncateSync(file, size);
  closeSync(file);
  const intoFile = 'kept=$1; shift; exec "$@" > "$kept"';
  run(["sh", "-c", intoFile, "sh", kept, ...command, "checksum", ...options, destination]);
}

/** Options that make `checksum` ask for all that this program has. */
export const EXTENDED = ["--extended", "--digest", "blake3"] as const;
