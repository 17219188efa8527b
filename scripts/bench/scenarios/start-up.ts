import { ours, timed } from "../contenders.ts";
import type { Scenario } from "../scenario.ts";

/** The cost of a process before it does anything. */
export const startUp: Scenario = {
  name: "start-up",
  title: "Start-up",
  about:
    "`blockcopy --version` from start to end, compared with a Node that does nothing: `node -e 0`.",
  unit: "s",
  // So short that much disturbs it.
  roundsEach: 3,
  contenders: ({ tools }) => [
    ours(timed("blockcopy --version", [[[...tools.blockcopy.command, "--version"]]])),
    timed("node -e 0", [[[process.execPath, "-e", "0"]]]),
  ],
  reference: () => ["node -e 0"],
};
