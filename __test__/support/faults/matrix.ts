// The rows of the fault matrix: each system call of each scenario, failing at each of its turns.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { countCalls, Hang, inject, type Fault } from "./inject.ts";
import { complaints, namesIn, type Expected } from "./judge.ts";
import { prepare, reset, resultOf, type Scenario } from "./scenarios.ts";
import { errorsOf } from "./table.ts";
import { mulberry32 } from "../mulberry32.ts";

/** A scenario and a fault in it. */
export interface Row extends Fault {
  scenario: Scenario;
}

/** The end of a row. */
export interface Tried {
  /** The promises that it broke. */
  wrong: string[];
  /** The number of calls that failed. */
  hits: number;
  code: number | null;
  stderr: string;
}

/** Errors that ask for the same call again: always failing with one of them means waiting for ever. */
const AGAIN = ["EINTR", "EAGAIN"];

/** Random numbers that depend only on a seed: numbers from 0 up to, and without, `below`. */
export function random(seed: number): (below: number) => number {
  const next = mulberry32(seed);
  return (below) => Math.floor(next() * below);
}

/** Files whose calls are made to fail, where a scenario names them. */
const FILES = ["source", "destination", "made", "cache", "delta", "blocks"];

/** The name of a row. It has the options with which strace repeats it. */
export function nameOf({ scenario, call, error, when, path }: Row): string {
  return `${scenario.name}: ${path === undefined ? "" : `-P ${path} `}${call}:error=${error}:when=${when}`;
}

/** A folder in which scenarios run, one at a time. */
export class Bench {
  readonly folder: string;
  readonly #scratch: string;
  readonly #expected = new Map<string, Expected>();
  readonly #counts = new Map<string, ReadonlyMap<string, number>>();

  constructor(parent: string) {
    this.folder = join(parent, "work");
    this.#scratch = join(parent, "traces");
    mkdirSync(this.#scratch, { recursive: true });
  }

  /** Runs a scenario without a fault; returns the number of its calls, on `path` if there is one. */
  async measure(scenario: Scenario, path?: string): Promise<ReadonlyMap<string, number>> {
    const name = `${scenario.name} ${path ?? ""}`;
    const known = this.#counts.get(name);
    if (known !== undefined) return known;
    reset(this.folder, scenario);
    const { outcome, counts } = await countCalls(this.folder, scenario, this.#scratch, path);
    if (outcome.code !== 0) throw new Error(`${scenario.name} fails: ${outcome.stderr}`);
    this.#counts.set(name, counts);
    this.#expected.set(scenario.name, {
      stdout: outcome.stdout,
      result: resultOf(this.folder, scenario),
      names: namesIn(this.folder),
    });
    return counts;
  }

  prepare(): Promise<void> {
    return prepare(this.folder);
  }

  /** Returns the rows of these scenarios, in an order that depends on `below`: at most `most` turns of each call. */
  async rows(
    scenarios: readonly Scenario[],
    most: number,
    below: (limit: number) => number,
  ): Promise<Row[]> {
    const rows: Row[] = [];
    for (const scenario of scenarios) {
      const named = FILES.filter((file) => scenario.args.some((word) => word.endsWith(file)));
      for (const file of named)
        rows.push(...rowsOnFile(scenario, file, await this.measure(scenario, file), most));
      rows.push(...rowsOf(scenario, await this.measure(scenario), most, below));
    }
    for (let index = rows.length - 1; index > 0; index -= 1) {
      const other = below(index + 1);
      [rows[index], rows[other]] = [rows[other] as Row, rows[index] as Row];
    }
    return rows;
  }

  /** Runs a row. */
  async try(row: Row): Promise<Tried> {
    const { scenario } = row;
    await this.measure(scenario);
    const expected = this.#expected.get(scenario.name);
    if (expected === undefined) throw new Error("measured");
    reset(this.folder, scenario);
    const before = resultOf(this.folder, scenario);
    try {
      const run = await inject(this.folder, scenario, row, this.#scratch);
      const wrong = await complaints(run, {
        folder: this.folder,
        scenario,
        before,
        expected,
        fault: row,
      });
      return { wrong, hits: run.hits, code: run.code, stderr: run.stderr };
    } catch (error) {
      const hang = error instanceof Hang ? error : undefined;
      const what = hang === undefined ? "it could not be judged" : "a hang";
      const wrong = hang?.isNodes === true ? [] : [`${what}: ${String(error)}`];
      return { wrong, hits: 1, code: null, stderr: "" };
    }
  }
}

/** The turns at which a call fails: the first ones, the last ones, and `most` in all. */
function turns(count: number, most: number, below: (limit: number) => number): number[] {
  const all = Array.from({ length: count }, (_, index) => index + 1);
  if (count <= most) return all;
  const edges = new Set([...all.slice(0, most / 3), ...all.slice(-most / 3)]);
  while (edges.size < most) edges.add(1 + below(count));
  return [...edges].toSorted((one, other) => one - other);
}

/** All rows of a scenario whose calls were counted: at most `most` turns of each call, each with one of its errors. */
function rowsOf(
  scenario: Scenario,
  counts: ReadonlyMap<string, number>,
  most: number,
  below: (limit: number) => number,
): Row[] {
  return [...counts]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .flatMap(([call, count]) => {
      // strace leaves the descriptor open, which no kernel does: on a pipe, its reader would wait for ever.
      const errors = call === "close" ? [] : errorsOf(call);
      if (errors.length === 0) return [];
      const each = turns(count, most, below).map((turn) => {
        const error = errors[below(errors.length)] ?? "EIO";
        const fromThenOn = below(4) === 0 && !AGAIN.includes(error);
        return { scenario, call, error, when: `${turn}${fromThenOn ? "+" : ""}` };
      });
      const always = errors.filter((error) => !AGAIN.includes(error));
      return [...each, ...always.map((error) => ({ scenario, call, error, when: "1+" }))];
    });
}

/** The rows in which calls on a file of the scenario, counted by `counts`, fail with every error at each turn. */
function rowsOnFile(
  scenario: Scenario,
  path: string,
  counts: ReadonlyMap<string, number>,
  most: number,
): Row[] {
  return [...counts]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .flatMap(([call, count]) =>
      errorsOf(call).flatMap((error) => {
        const each = Array.from({ length: Math.min(count, most) }, (_, index) => String(index + 1));
        const always = AGAIN.includes(error) || count === 1 ? [] : ["1+"];
        return [...each, ...always].map((when) => ({ scenario, call, error, when, path }));
      }),
    );
}
