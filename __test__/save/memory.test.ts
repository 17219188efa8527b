// The memory of each command, which does not depend on the size of its input.
import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSucceeded, bash, COMMAND, quote } from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { lackingHoles } from "../support/files/holes.ts";
import { lacking } from "../support/programs/tools.ts";
import { restFrame } from "../support/wire/frames.ts";

/** The most that a process may take, in KiB. */
const LIMIT = 200 * 1024;

const GIB = 2 ** 30;

/** Each command that runs, with the files `from` and `to`; `{}` stands for the program. */
const runs: [what: string, gibibytes: number, script: string][] = [
  ["checksum", 256, "{} checksum from | cat > /dev/null"],
  ["retrieve and save", 2, "cat request | {} retrieve from | {} save --sparse to"],
  ["all three stages", 2, "{} checksum to | {} retrieve from | {} save to"],
  ["sync", 2, "{} sync from to"],
];
for (const [what, gibibytes, script] of runs) {
  test(
    `${what}: ${gibibytes} GiB, most of it holes`,
    { skip: lacking("time") || lackingHoles() },
    async (t) => {
      const cwd = scratch(t);
      for (const name of ["from", "to"]) {
        writeFileSync(join(cwd, name), noise(name, 64 * 2 ** 20));
        truncateSync(join(cwd, name), gibibytes * GIB);
      }
      writeFileSync(join(cwd, "request"), Buffer.concat([restFrame(0), Buffer.from("done")]));
      const measured = quote(["time", "-f", "%M", "-a", "-o", "peaks", ...COMMAND]);
      const command = `set -o pipefail; ${script.replaceAll("{}", measured)}`;
      assertSucceeded(await bash(command, { cwd }));
      const peaks = readFileSync(join(cwd, "peaks"), "utf8").trim().split("\n").map(Number);
      assert.equal(peaks.length, script.split("{}").length - 1);
      for (const peak of peaks) assert.ok(peak > 0 && peak <= LIMIT, `${peaks.join(", ")} KiB`);
    },
  );
}
