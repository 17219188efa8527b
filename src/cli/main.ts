#!/usr/bin/env node
// Imports nothing that needs a recent Node, so that an old one is told so and does not stumble.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) {
  const { run } = await import("./run.ts");
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${String(error)}\nERROR (blockcopy): internal error; please report it\n`);
    process.exitCode = 70;
  }
} else {
  process.stderr.write(
    `ERROR (blockcopy): this is Node ${process.versions.node}; blockcopy needs 20.19 or later, or 22.12 or later\n`,
  );
  process.exitCode = 69;
}
