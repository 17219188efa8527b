/**
 * How large a destination may be: as the source; also shorter, when it is new, for a copy that was cut off leaves one that goes on from there;
 * also larger; or of any size.
 */
export type Sizes = "same" | "new" | "larger" | "any";

/**
 * Refuses a destination of a size that was not expected.
 *
 * @param names of the two files; one that is not known here is left out
 * @param size that of the source, in bytes
 * @param destination that of the destination; undefined where it is not known
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
      ? "check that they are not swapped; --allow-larger leaves the end of a larger destination alone, --truncate cuts a file off"
      : "give a destination that is as large as the source; --truncate makes a file as long",
  );
}

function named(role: string, file: string | undefined): string {
  return file === undefined ? `the ${role}` : `the ${role} ${file}`;
}
import { UsageError } from "../errors/copy-error.ts";
