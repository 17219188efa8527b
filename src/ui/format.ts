const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Formats a number of bytes, such as `1.25 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // From 1023.995 on, rounding would give 1024.00.
  while (value >= 1023.995 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(2)} ${UNITS[unit]}`;
}

/** Formats a number of bytes with three digits, such as `12.1 MiB`, for a display that changes often. */
export function formatBriefly(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${unit === 0 ? Math.round(value) : value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Formats a number of blocks, such as `1 block`. */
export function formatBlocks(count: number): string {
  return `${count} ${count === 1 ? "block" : "blocks"}`;
}

/** Formats a time in seconds, such as `1:02:03`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}
