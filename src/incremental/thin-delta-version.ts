/** A version, as `[1, 0, 6]`. */
type Version = readonly number[];

/** Versions from which on, up to but not including another one, thin_delta must not be relied on. */
const FAULTY: readonly { from: Version; to: Version }[] = [
  // Before 0.6.2 it stopped at the last run of mappings of either volume, and before 0.4.2 it left out the end of a volume. No fault of later
  // releases of 0.6 is known, but none of them was tried: the limit is the next minor version.
  { from: [0], to: [0, 7] },
  // It joined all neighbouring blocks of a volume to one run, wherever they lie in the pool, and compared the places of the first ones: a
  // changed block after one that is the same was `same` too. 1.0.5 refuses all volumes. See CHANGES for 1.0.6 in its source.
  { from: [1], to: [1, 0, 6] },
];

/**
 * Returns the fault of a version of thin_delta(8) as a clause, with what to install; undefined if it can be relied on.
 *
 * @param text what it prints for `--version`, such as `0.9.0` or `thin_delta 1.0.4`
 */
export function versionFault(text: string): string | undefined {
  const found = /(?:^|\s)(\d{1,4}(?:\.\d{1,4}){1,3})(?![\d.])/.exec(text)?.[1];
  if (found === undefined) {
    return "thin_delta does not tell its version";
  }
  const version = found.split(".").map(Number);
  const isFaulty = FAULTY.some(({ from, to }) => !isBefore(version, from) && isBefore(version, to));
  return isFaulty
    ? `thin_delta ${found} cannot be relied on; install thin-provisioning-tools (device-mapper-persistent-data) 1.0.6 or later`
    : undefined;
}

/** True if a version is older than another one. */
function isBefore(one: Version, other: Version): boolean {
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) {
      return difference < 0;
    }
  }
  return false;
}
