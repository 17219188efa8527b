import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { NODE_VARIABLES } from "../../../src/native/node-start.ts";
import { ours, timed } from "../contenders.ts";
import type { Scenario } from "../scenario.ts";

const EMPTY = "empty";

/** The cost of a process before it does anything. */
export const startUp: Scenario = {
  name: "start-up",
  title: "Start-up",
  about:
    "`blockcopy --version`, and a stage that has nothing to read, from start to end, compared with a Node that does nothing: `node -e 0`.",
  unit: "s",
  // So short that much disturbs it.
  roundsEach: 3,
  contenders: ({ folder, tools }) => {
    const blockcopy = tools.blockcopy.command;
    return [
      ours(timed("blockcopy --version", [[[...blockcopy, "--version"]]])),
      ours(timed("blockcopy checksum", [[[...blockcopy, "checksum", join(folder, EMPTY)]]])),
      timed("node -e 0", [[[process.execPath, "-e", "0"]]]),
    ];
  },
  setUp: ({ folder }) => {
    writeFileSync(join(folder, EMPTY), "");
    // The launcher takes them away from blockcopy. With certificates to read, Node takes twice the time.
    for (const name of NODE_VARIABLES) delete process.env[name];
  },
  reference: () => ["node -e 0"],
};
