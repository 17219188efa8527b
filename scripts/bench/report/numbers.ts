const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes for people: `2 GiB`, `512.5 MiB`. */
export function inBytes(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1);
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${UNITS[power]}`;
}

/** The number of digits after the point that a number of that size needs. */
export function digitsFor(value: number): number {
  if (value < 1) return 3;
  if (value < 10) return 2;
  return value < 100 ? 1 : 0;
}
