import type { Sample } from "./measure.ts";

/** Figures of several rounds. */
interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** A row of the table; `null` where there is no such figure. */
export interface Row {
  readonly name: string;
  /** 10^6 bytes a second; `null` for a contender that is not installed. */
  readonly megabytesPerSecond: Spread | null;
  /** To the rate of OpenSSL in the same round. */
  readonly ratioToOpenssl: Spread | null;
  readonly cyclesPerByte: Spread | null;
}

/** The row of a contender. `reference` are the samples of OpenSSL, round by round. */
export function row(
  name: string,
  samples: readonly Sample[],
  reference: readonly Sample[] | undefined,
): Row {
  const ratios = samples.flatMap(({ bytesPerSecond }, round) => {
    const openssl = reference?.[round];
    return openssl === undefined ? [] : [bytesPerSecond / openssl.bytesPerSecond];
  });
  return {
    name,
    megabytesPerSecond: spread(samples.map(({ bytesPerSecond }) => bytesPerSecond / 1e6)),
    ratioToOpenssl: spread(ratios),
    cyclesPerByte: spread(samples.flatMap(({ cyclesPerByte }) => cyclesPerByte ?? [])),
  };
}

function spread(values: readonly number[]): Spread | null {
  const sorted = values.toSorted((one, other) => one - other);
  const [min, max] = [sorted[0], sorted.at(-1)];
  // With an even number of values, the mean of the two in the middle.
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (min === undefined || max === undefined || low === undefined || high === undefined)
    return null;
  return { median: (low + high) / 2, min, max };
}

/** The table, for people. */
export function table(rows: readonly Row[]): string {
  const head = ["", "MB/s", "min–max", "to OpenSSL", "min–max", "cycles/byte"];
  const cells = rows.map((contender) =>
    contender.megabytesPerSecond === null
      ? [contender.name, "not installed", "–", "–", "–", "–"]
      : [
          contender.name,
          ...both(contender.megabytesPerSecond, 0),
          ...both(contender.ratioToOpenssl, 2),
          contender.cyclesPerByte?.median.toFixed(2) ?? "–",
        ],
  );
  const lines = [head, ...cells];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  "),
    )
    .join("\n");
}

/** The cells of the median and of the range around it. */
function both(figures: Spread | null, digits: number): [median: string, range: string] {
  if (figures === null) return ["–", "–"];
  const { median, min, max } = figures;
  return [median.toFixed(digits), `${min.toFixed(digits)}–${max.toFixed(digits)}`];
}
