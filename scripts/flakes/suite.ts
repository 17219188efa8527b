// Runs test files with Node's test runner, and prints what fails as JSON lines: for main.ts, which starts it.
import { run } from "node:test";
import { inspect } from "node:util";
import type { Failure, Total } from "./tally.ts";

const [concurrency = "1", ...files] = process.argv.slice(2);

const total: Total = { passed: 0, failed: 0, skipped: 0 };
run({ files, concurrency: Number(concurrency) })
  .on("test:pass", ({ skip, details }) => {
    if (details.type === "suite") return;
    total[skip === undefined ? "passed" : "skipped"] += 1;
  })
  .on("test:fail", ({ name, file, details }) => {
    // The test within it that has failed is named by itself.
    if ((details.error as { failureType?: string }).failureType === "subtestsFailed") return;
    total.failed += 1;
    const failure: Failure = { name, file: file ?? "", why: inspect(details.error, { depth: 5 }) };
    print({ failure });
  })
  .on("end", () => print({ total }))
  .resume();

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
