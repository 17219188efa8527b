import { spread, type Spread } from "../../common/spread.ts";
import type { LineUp } from "../rounds.ts";
import type { Row } from "./row.ts";
import type { Contender, Sample, Unit } from "../scenario.ts";

/** The results of a scenario. */
export interface Outcome {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  readonly unit: Unit;
  readonly rounds: number;
  /** The reason that nothing was measured; `null` if it was. */
  readonly skipped: string | null;
  /** Those of whom the slowest in a round is what the others of that round are compared with. */
  readonly reference: readonly string[];
  readonly rows: readonly Row[];
  /** A second table, which is computed from the rows; `null` if the scenario has none. */
  readonly derived: readonly (readonly string[])[] | null;
}

/** Makes figures of samples, of files of `size` bytes. */
export function outcome(
  { scenario, rounds, skipped, contenders, reference }: LineUp,
  samples: ReadonlyMap<string, readonly Sample[]>,
  size: number,
): Outcome {
  const { name, title, about, unit } = scenario;
  const measured = reference.flatMap((one) => {
    const taken = samples.get(one);
    return taken === undefined ? [] : [taken];
  });
  const rows = contenders.map((contender) =>
    row(contender, samples.get(contender.name) ?? [], measured, unit),
  );
  return {
    name,
    title,
    about,
    unit,
    rounds,
    skipped: skipped ?? null,
    reference,
    rows,
    derived: skipped === undefined ? (scenario.derive?.(rows, size) ?? null) : null,
  };
}

function row(
  contender: Contender,
  samples: readonly Sample[],
  reference: readonly (readonly Sample[])[],
  unit: Unit,
): Row {
  const speeds = samples.flatMap(({ value }, round) => {
    const others = reference.flatMap((taken) => taken[round]?.value ?? []);
    if (others.length === 0) return [];
    return lessIsBetter(unit) ? [Math.max(...others) / value] : [value / Math.min(...others)];
  });
  return {
    name: contender.name,
    ours: contender.ours ?? false,
    missing: "missing" in contender ? contender.missing : null,
    figure: spread(samples.map(({ value }) => value)),
    speed: spread(speeds),
    cpuSeconds: spread(samples.flatMap(({ cpuSeconds }) => cpuSeconds ?? [])),
    peakBytes: samples.length === 0 ? null : Math.max(...samples.map(({ peakBytes }) => peakBytes)),
    more: moreOf(samples),
  };
}

function moreOf(samples: readonly Sample[]): Record<string, Spread> {
  const heads = new Set(samples.flatMap(({ more }) => Object.keys(more ?? {})));
  return Object.fromEntries(
    Array.from(heads).flatMap((head) => {
      const figures = spread(samples.flatMap(({ more }) => more?.[head] ?? []));
      return figures === null ? [] : [[head, figures]];
    }),
  );
}

/** True if a smaller figure is the better one. */
export function lessIsBetter(unit: Unit): boolean {
  return unit !== "MB/s";
}
