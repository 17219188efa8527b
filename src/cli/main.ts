#!/usr/bin/env node
// Imports little, and nothing that needs a recent Node, so that an old one is told so and does not stumble.
import { catchSignals } from "../commands/signals.ts";
import { NODE_VERSIONS, runsOnNode } from "../native/node-version.ts";
import { printLine } from "../ui/stderr.ts";

if (runsOnNode(process.versions.node)) {
  catchSignals(process.argv.slice(2).find((word) => !word.startsWith("-")) ?? "blockcopy");
  try {
    const { run } = await import("./run.ts");
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    printLine(String(error));
    printLine("ERROR (blockcopy): it cannot start; install blockcopy again");
    process.exitCode = 70;
  }
} else {
  printLine(`ERROR (blockcopy): this is Node ${process.versions.node}; install ${NODE_VERSIONS}`);
  process.exitCode = 69;
}
