#!/usr/bin/env node
// Imports little, and nothing that needs a recent Node: on an old one, it must get as far as the message.
import { catchSignals } from "../process/signals.ts";
import { isLaunched } from "../native/node-start.ts";
import { NODE_VERSIONS, runsOnNode } from "../native/node-version.ts";
import { printLine } from "../ui/stderr.ts";
import { explainStart } from "./start-failure.ts";

catchSignals(process.argv.slice(2).find((word) => !word.startsWith("-")) ?? "blockcopy");
void main();

/** Runs the command line. A function, because CommonJS cannot wait outside of one. */
async function main(): Promise<void> {
  try {
    const hindrance = await hindranceHere();
    if (hindrance === undefined) {
      const { run } = await import("./run.ts");
      process.exitCode = await run(process.argv.slice(2));
    } else {
      printLine(`ERROR (blockcopy): ${hindrance}`);
      process.exitCode = 69;
    }
  } catch (error) {
    const { text, code } = explainStart(error);
    printLine(`ERROR (blockcopy): ${text}`);
    process.exitCode = code;
  }
}

/** Returns the reason why the program cannot run as it was started, with advice; undefined if it can run. */
async function hindranceHere(): Promise<string | undefined> {
  if (!runsOnNode(process.versions.node)) {
    return `this is Node ${process.versions.node}; install ${NODE_VERSIONS}`;
  }
  if (isLaunched()) {
    return undefined;
  }
  const { withoutLauncher } = await import("../process/without-launcher.ts");
  return withoutLauncher();
}
