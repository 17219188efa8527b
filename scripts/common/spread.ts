/** Figures of several rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The middle of the values and the range that they are in; `null` if the list is empty. */
export function spread(values: readonly number[]): Spread | null {
  const sorted = values.toSorted((one, other) => one - other);
  const [min, max] = [sorted[0], sorted.at(-1)];
  // With an even number of values, the mean of the two in the middle.
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (min === undefined || max === undefined || low === undefined || high === undefined)
    return null;
  return { median: (low + high) / 2, min, max };
}

/** The cells of the median and of the range around it. */
export function cells(figures: Spread | null, digits: number): [median: string, range: string] {
  if (figures === null) return ["–", "–"];
  const { median, min, max } = figures;
  return [median.toFixed(digits), `${min.toFixed(digits)}–${max.toFixed(digits)}`];
}
