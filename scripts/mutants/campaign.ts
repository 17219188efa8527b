// Tries mutants one after the other, and counts how they end.
import { columns } from "../common/columns.ts";
import { tryMutant, type TestRun, type Verdict } from "./run.ts";

/** A change of the program that a test should notice. */
export interface Mutant {
  readonly id: number;
  readonly file: string;
  /** File, line and change. */
  readonly name: string;
}

/** The mutants of one language, and the tests that try them. */
export interface Campaign<M extends Mutant> {
  readonly mutants: readonly M[];
  /** Mutants that do not compile or cannot be switched on. */
  readonly untried: ReadonlySet<number>;
  /** Tests that reach a mutant, the quickest first. */
  readonly testsOf: (id: number) => readonly TestRun[];
  /** The folder with the number of the mutant that is switched on. */
  readonly state: string;
}

/** The end of a mutant; `unreached` if no test runs its code. */
type End = Verdict | "unreached" | "untried";

const ENDS: readonly End[] = ["killed", "timeout", "survived", "unreached", "untried"];

/** Tries all mutants of files whose paths begin with `only`, prints those that survive and the counts; returns the number of survivors. */
export function tryAll<M extends Mutant>(campaign: Campaign<M>, only: string): number {
  const chosen = campaign.mutants.filter(({ file }) => file.startsWith(only));
  if (chosen.length === 0)
    throw new Error(`--only ${only}: there are no mutants; give another path`);
  const counts = new Map<string, Map<End, number>>();
  for (const mutant of chosen) {
    const end = endOf(mutant, campaign);
    if (end === "survived" || end === "unreached") console.log(`${end}: ${mutant.name}`);
    const ofFile = counts.get(mutant.file) ?? new Map<End, number>();
    counts.set(mutant.file, ofFile.set(end, (ofFile.get(end) ?? 0) + 1));
  }
  const rows = [...counts].map(([file, ends]) => [file, ...ENDS.map((end) => ends.get(end) ?? 0)]);
  const sums = ENDS.map((_, at) => rows.reduce((sum, row) => sum + Number(row[at + 1]), 0));
  console.log(
    columns([
      ["file", ...ENDS],
      ...rows.map((row) => row.map(String)),
      ["sum", ...sums.map(String)],
    ]),
  );
  return (sums[2] ?? 0) + (sums[3] ?? 0);
}

function endOf<M extends Mutant>(mutant: M, campaign: Campaign<M>): End {
  if (campaign.untried.has(mutant.id)) return "untried";
  const tests = campaign.testsOf(mutant.id);
  return tests.length === 0 ? "unreached" : tryMutant(mutant.id, tests, campaign.state);
}
