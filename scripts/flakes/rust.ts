// The tests of the Rust crates, as part of the suite.
import type { Failure, Total } from "./tally.ts";

/** The command that runs them all, also after a failure. */
export const CARGO_TEST = ["cargo", "test", "--workspace", "--locked", "--no-fail-fast"] as const;

/** Reads the output of {@link CARGO_TEST}, stdout and stderr together. */
export function readCargo(output: string): { failures: Failure[]; total: Total } {
  const total: Total = { passed: 0, failed: 0, skipped: 0 };
  const failures: Failure[] = [];
  let file = "";
  for (const line of output.split("\n")) {
    file = /^ +(?:Running|Doc-tests) (.*)$/.exec(line)?.[1] ?? file;
    const [, name = "", how] = /^test (.*) \.\.\. (ok|FAILED|ignored)/.exec(line) ?? [];
    if (how === "ok") total.passed += 1;
    if (how === "ignored") total.skipped += 1;
    if (how !== "FAILED") continue;
    total.failed += 1;
    failures.push({ name, file, why: detailOf(output, name) });
  }
  return { failures, total };
}

/** Returns the output of a failed test. */
function detailOf(output: string, name: string): string {
  const [, rest = ""] = output.split(`---- ${name} stdout ----\n`);
  return rest.split("\n---- ")[0]?.split("\nfailures:\n")[0] ?? "";
}
