const GIBIBYTE = 2 ** 30;

/** The row of a stage that has nothing to do: its time is part of that of all others. */
export const START = "a stage with nothing to do";

/** Numbers of cores that the model is asked for. */
const PREDICTED = [8, 16, 32] as const;

/** A row of a table, with the median of its seconds; `null` if it was not measured. */
export interface TimedRow {
  readonly name: string;
  readonly figure: { readonly median: number } | null;
}

/** A measured time of a task. */
interface Measured {
  readonly cores: number;
  readonly seconds: number;
}

/**
 * Predicts the rates of tasks whose rows are named `TASK, N cores`, by Amdahl's law: a part of the time is the same for any number of
 * cores, and the rest is divided by it. Both parts come from the rows with the least and with the most cores.
 *
 * The start of the program, which has a row of its own, belongs to neither.
 *
 * @param size bytes that each task works on
 * @returns a table whose first line is its head
 */
export function predict(rows: readonly TimedRow[], size: number): string[][] {
  const gibibytes = size / GIBIBYTE;
  const tasks = byTask(rows);
  const startSeconds = rows.find(({ name }) => name === START)?.figure?.median ?? 0;
  const head = [
    "",
    "serial, s per GiB",
    "parallel, CPU s per GiB",
    ...PREDICTED.map((cores) => `GiB/s, ${cores} cores`),
  ];
  const lines = [...tasks].flatMap(([task, times]) => {
    const found = partsOf(times, startSeconds);
    if (found === undefined) return [];
    const [serial, parallel] = [found.serial / gibibytes, found.parallel / gibibytes];
    const rates = PREDICTED.map((cores) => (1 / (serial + parallel / cores)).toFixed(1));
    return [[task, serial.toFixed(3), parallel.toFixed(3), ...rates]];
  });
  return [head, ...lines];
}

function byTask(rows: readonly TimedRow[]): Map<string, Measured[]> {
  const tasks = new Map<string, Measured[]>();
  for (const { name, figure } of rows) {
    const [, task = "", cores = ""] = /^(.*), (\d+) cores?$/.exec(name) ?? [];
    if (figure === null || task === "") continue;
    const times = tasks.get(task) ?? [];
    times.push({ cores: Number(cores), seconds: figure.median });
    tasks.set(task, times);
  }
  return tasks;
}

/** Divides the time on one core into both parts; undefined if only one number of cores was measured. */
function partsOf(
  times: readonly Measured[],
  startSeconds: number,
): { serial: number; parallel: number } | undefined {
  const sorted = times.toSorted((one, other) => one.cores - other.cores);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (least === undefined || most === undefined || least.cores === most.cores) return undefined;
  // seconds = start + serial + parallel / cores, for both.
  const parallel = (least.seconds - most.seconds) / (1 / least.cores - 1 / most.cores);
  const serial = Math.max(0, least.seconds - startSeconds - parallel / least.cores);
  return { serial, parallel };
}
