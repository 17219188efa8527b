#!/usr/bin/env node
// Imports little, and nothing that needs a recent Node, so that an old one is told so and does not stumble.
import { catchSignals } from "../commands/signals.ts";
import { printLine } from "../ui/stderr.ts";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) {
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
  printLine(
    `ERROR (blockcopy): this is Node ${process.versions.node}; install Node 20.19 or later, or 22.12 or later`,
  );
  process.exitCode = 69;
}
