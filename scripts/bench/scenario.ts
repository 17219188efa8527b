import type { Pair } from "./data/pair.ts";
import type { Tools } from "./machine/tools.ts";
import type { Row } from "./report/row.ts";
import type { Usage } from "./machine/usage.ts";

/** Things that a scenario can use. */
export interface Bench {
  readonly folder: string;
  readonly pair: Pair;
  readonly tools: Tools;
  /** The reason that files in the folder cannot be read and written directly; `undefined` if they can. */
  readonly noDirectIo: string | undefined;
  /** The reason that files in the folder cannot be dropped from the page cache; `undefined` if they can. */
  readonly noCacheDrop: string | undefined;
}

/** Seconds and megabytes (10^6 bytes): less is better. Megabytes a second: more is. */
export type Unit = "s" | "MB" | "MB/s";

/** Something to do, and who does it. */
export interface Scenario {
  /** As `--only` knows it. */
  readonly name: string;
  readonly title: string;
  /** The way it is measured, in Markdown. */
  readonly about: string;
  readonly unit: Unit;
  /** The number of files of the size that was asked for; 2 by default. */
  readonly files?: number;
  /** The number of rounds for each round that was asked for. */
  readonly roundsEach?: number;
  /** The reason that it cannot be measured; `undefined` if it can. */
  readonly whyNot?: (bench: Bench) => string | undefined;
  readonly contenders: (bench: Bench) => readonly Contender[];
  /** Names of contenders. In each round all are compared with the slowest of these. */
  readonly reference: (bench: Bench) => readonly string[];
  /** Makes a second table of what was measured, for a size in bytes; the first line is its head. */
  readonly derive?: (rows: readonly Row[], size: number) => string[][];
  /** Done before each run, unmeasured. */
  readonly setUp?: (bench: Bench) => void;
  /** Done after each run: throws where the result is wrong. */
  readonly check?: (bench: Bench) => void;
}

/** A program that does what a scenario asks for: measured, or missing for a reason. `ours` is this program. */
export type Contender =
  | { readonly name: string; readonly ours?: boolean; readonly run: () => Sample }
  | { readonly name: string; readonly ours?: boolean; readonly missing: string };

/** The result of one run. */
export interface Sample {
  /** In the unit of the scenario. */
  readonly value: number;
  /** Of all processes together; `null` where the work was not the same for all contenders. */
  readonly cpuSeconds: number | null;
  /** Of the process that had most memory. */
  readonly peakBytes: number;
  /** Figures that only this scenario has, each under the head of its column. */
  readonly more?: Readonly<Record<string, number>>;
}

/** The sample of a figure and of what was used for it. */
export function sample({ processes }: Usage, value: number): Sample {
  return {
    value,
    cpuSeconds: processes.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    peakBytes: Math.max(...processes.map(({ peakBytes }) => peakBytes)),
  };
}
