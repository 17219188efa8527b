import { UsageError } from "../errors/copy-error.ts";

/**
 * The sizes that a destination may have: `same` as the source; `new`, also shorter, because an interrupted first copy leaves
 * a short file; `larger`, also larger; or `any`.
 */
export type Sizes = "same" | "new" | "larger" | "any";

/**
 * Refuses a destination whose size is not allowed.
 *
 * @param names the names of the two files, as far as they are known, and the allowed sizes
 * @param size size of the source
 * @param destination size of the destination; undefined if it is unknown
 * @throws UsageError
 */
export function refuseSize(
  names: { source?: string; destination?: string; sizes: Sizes },
  size: number,
  destination: number | undefined,
): void {
  const { sizes } = names;
  const fits =
    destination === undefined ||
    destination === size ||
    sizes === "any" ||
    (sizes === "new" && destination < size) ||
    (sizes === "larger" && destination > size);
  if (fits) {
    return;
  }
  throw new UsageError(
    `${named("source", names.source)} has ${size} bytes and ${named("destination", names.destination)} ${destination}`,
    destination > size
      ? "check that they are not swapped; --allow-larger leaves the end of a larger destination alone, --truncate cuts a raw file off"
      : "give a destination that is as large as the source; --create or --truncate makes a raw file as long",
  );
}

function named(role: string, file: string | undefined): string {
  return file === undefined ? `the ${role}` : `the ${role} ${file}`;
}
