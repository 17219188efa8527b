import type { Expected } from "./expectations/topic.ts";

/** A row as the guest has reported it. */
export interface Report {
  readonly name: string;
  readonly facts: Map<string, string>;
  readonly text: string[];
  skipped: string | undefined;
}

export interface Outcome {
  readonly topic: string;
  readonly row: string;
  readonly state: "passed" | "failed" | "skipped";
  /** The cause of a skip, the differences from the expectation, or what was measured. */
  readonly reason?: string;
}

/** Compares a report with what is expected of its row. */
export function judge(topic: string, report: Report, expected: Expected | undefined): Outcome {
  const { name: row, facts, text, skipped } = report;
  if (skipped !== undefined) return { topic, row, state: "skipped", reason: skipped };
  if (expected === undefined) {
    return { topic, row, state: "failed", reason: "the table of expectations does not have it" };
  }
  const said = text.join("\n");
  const names = new Set([
    ...Object.keys(expected).filter((name) => name !== "says"),
    ...facts.keys(),
  ]);
  const differences = [...names].flatMap((name) =>
    difference(name, expected[name], facts.get(name)),
  );
  const { says } = expected;
  if (says instanceof RegExp && !says.test(said)) differences.push(`it does not say ${says}`);
  if (differences.length === 0)
    return { topic, row, state: "passed", ...measured(facts, expected) };
  const reason = [...differences, ...text.map((line) => `  | ${line}`)].join("\n    ");
  return { topic, row, state: "failed", reason };
}

/** Reports the rows of a topic that are missing at its end, and why it ended before, if it did. */
export function reportEnd(
  { topic, missing, failure }: { topic: string; missing: Set<string>; failure: string | undefined },
  report: (outcome: Outcome) => void,
): void {
  const reason = `not reported: ${failure ?? "the topic ended before"}`;
  for (const row of missing) report({ topic, row, state: "failed", reason });
  if (failure !== undefined && missing.size === 0) {
    report({ topic, row: "to its end", state: "failed", reason: failure });
  }
}

/** Returns the facts for which a pattern is expected, and not one value. */
function measured(facts: Report["facts"], expected: Expected): Pick<Outcome, "reason"> {
  const found = [...facts].filter(([name]) => expected[name] instanceof RegExp);
  return found.length === 0
    ? {}
    : { reason: found.map(([name, value]) => `${name}: ${value}`).join("; ") };
}

function difference(
  name: string,
  expected: Expected[string] | undefined,
  got = "nothing",
): string[] {
  if (expected === undefined) return [`${name}: nothing is expected, reported is ${got}`];
  const fits = expected instanceof RegExp ? expected.test(got) : String(expected) === got;
  return fits ? [] : [`${name}: expected is ${expected}, reported is ${got}`];
}
