import { closeSync, ftruncateSync, openSync } from "node:fs";
import { join } from "node:path";
import { ours, timed } from "../contenders.ts";
import type { Bench, Scenario } from "../scenario.ts";

const TEBIBYTE = 2 ** 40;

/** A hole costs nothing to read and should cost little to hash. */
export const sparse: Scenario = {
  name: "sparse",
  title: "A checksum of nothing",
  about:
    "`checksum` of a file of 1 TiB that is one hole, to /dev/null. 0.0.2 reads and hashes all of the zeros and is not measured.",
  unit: "s",
  whyNot: (bench) => {
    try {
      makeHole(bench);
      return undefined;
    } catch (error) {
      return `no file of 1 TiB can be made: ${error instanceof Error ? error.message : String(error)}`;
    }
  },
  contenders: (bench) => {
    const command = [...bench.tools.blockcopy.command, "checksum", hole(bench)] as const;
    return [ours(timed("blockcopy checksum", [[command]]))];
  },
  reference: () => [],
};

function hole({ folder }: Bench): string {
  return join(folder, "hole");
}

function makeHole(bench: Bench): void {
  const file = openSync(hole(bench), "w");
  try {
    ftruncateSync(file, TEBIBYTE);
  } finally {
    closeSync(file);
  }
}
