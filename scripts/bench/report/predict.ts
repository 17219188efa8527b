const GIBIBYTE = 2 ** 30;

/** The row of a stage that has nothing to do: its time is part of that of all others. */
export const START = "a stage with nothing to do";

/** Numbers of cores that the model is asked for. */
const PREDICTED = [8, 16, 32] as const;

/** A row of a table, with the medians of its seconds and its CPU time; `null` if it was not measured. */
export interface TimedRow {
  readonly name: string;
  readonly figure: { readonly median: number } | null;
  readonly cpuSeconds: { readonly median: number } | null;
}

/** A measured time of a task. */
interface Measured {
  readonly cores: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/**
 * Predicts the rates of tasks whose rows are named `TASK, N cores`, by Amdahl's law: a part of the time is the same for any number of
 * cores, and the rest is divided by it. Both parts come from the rows with the least and with the most cores.
 *
 * The start of the program, which has a row of its own, belongs to neither. Rows named `TASK, N streams` get their rate and their CPU time
 * only: their processes share the cores, whatever the number of streams.
 *
 * @param size bytes that each task works on
 * @returns a table whose first line is its head
 */
export function predict(rows: readonly TimedRow[], size: number): string[][] {
  const gibibytes = size / GIBIBYTE;
  const tasks = byTask(rows);
  const start = rows.find(({ name }) => name === START);
  const startSeconds = start?.figure?.median ?? 0;
  const startCpuSeconds = start?.cpuSeconds?.median ?? 0;
  const head = [
    "",
    "serial, s per GiB",
    "parallel, s per GiB",
    "CPU s per GiB",
    ...PREDICTED.map((cores) => `GiB/s, ${cores} cores`),
  ];
  const lines = [...tasks].flatMap(([task, times]) => {
    const found = partsOf(times, startSeconds);
    if (found === undefined) return [];
    const [serial, parallel] = [found.serial / gibibytes, found.parallel / gibibytes];
    const rates = PREDICTED.map((cores) => (1 / (serial + parallel / cores)).toFixed(1));
    const cpu = (found.cpuSeconds - startCpuSeconds) / gibibytes;
    return [[task, ...[serial, parallel, cpu].map((part) => part.toFixed(3)), ...rates]];
  });
  const unknown = PREDICTED.map(() => "–");
  const streams = rows.flatMap(({ name, cpuSeconds }) =>
    cpuSeconds !== null && / streams?$/.test(name)
      ? [[name, "–", "–", (cpuSeconds.median / gibibytes).toFixed(3), ...unknown]]
      : [],
  );
  return [head, ...lines, ...streams];
}

function byTask(rows: readonly TimedRow[]): Map<string, Measured[]> {
  const tasks = new Map<string, Measured[]>();
  for (const { name, figure, cpuSeconds } of rows) {
    const [, task = "", cores = ""] = /^(.*), (\d+) cores?$/.exec(name) ?? [];
    if (figure === null || cpuSeconds === null || task === "") continue;
    const times = tasks.get(task) ?? [];
    times.push({
      cores: Number(cores),
      seconds: figure.median,
      cpuSeconds: cpuSeconds.median,
    });
    tasks.set(task, times);
  }
  return tasks;
}

/** Divides the time on one core into both parts; undefined if only one number of cores was measured. */
function partsOf(
  times: readonly Measured[],
  startSeconds: number,
): { serial: number; parallel: number; cpuSeconds: number } | undefined {
  const sorted = times.toSorted((one, other) => one.cores - other.cores);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (least === undefined || most === undefined || least.cores === most.cores) return undefined;
  // seconds = start + serial + parallel / cores, for both.
  const parallel = (least.seconds - most.seconds) / (1 / least.cores - 1 / most.cores);
  const serial = Math.max(0, least.seconds - startSeconds - parallel / least.cores);
  return { serial, parallel, cpuSeconds: most.cpuSeconds };
}
