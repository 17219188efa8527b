/**
 * Words that change when something is written to a destination: for a file, its identity; for a device, what `Engine.deviceState` returns.
 * Null if nothing tells.
 */
export type DestinationState = string | null;

/** True if something has certainly been written to a destination between two states; false also if that is unknown. */
export function wasWritten(before: DestinationState, now: DestinationState): boolean {
  if (before === null || now === null) {
    return false;
  }
  const [[kind, ...one], [other, ...two]] = [before.split(" "), now.split(" ")];
  if (kind !== other) {
    return false;
  }
  if (kind !== "device") {
    return before !== now;
  }
  const isSameDevice = one.slice(0, 3).join(" ") === two.slice(0, 3).join(" ");
  // Counters that are lower than before have begun again: without its sequence number, a new device looks like the old one.
  return (
    isSameDevice && two.slice(3).some((count, index) => Number(count) > Number(one[3 + index]))
  );
}

/** True if a file has an earlier time of last change than before: it, or its file system, was rolled back. */
export function wasRolledBack(before: DestinationState, now: DestinationState): boolean {
  const [one, other] = [before, now].map((state) => /^file .* (\d+)\.(\d{9})$/.exec(state ?? ""));
  const inNanoseconds = ([, seconds, rest]: readonly string[]): bigint =>
    BigInt(`${seconds}${rest}`);
  return !!one && !!other && inNanoseconds(other) < inNanoseconds(one);
}
