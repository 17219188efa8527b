import { UsageError } from "../../errors/copy-error.ts";
import type { Kind } from "./declare.ts";
import { parsedBy } from "./parsed-by.ts";

const SECTOR = 512n;

/** Prefixes in the order of the powers of 1000 or 1024 that they stand for. */
const PREFIXES = "KMGTP";

const FORMS =
  "bytes such as 4096, or a number followed by K, M, G, T or P (or KiB to PiB: powers of 1024), KB to PB (powers of 1000), s (sectors of 512 bytes) or B (bytes)";

/**
 * Parses an offset: a decimal number of bytes, or of the unit that follows without a space. A fraction
 * (`1.5G`) must come to a whole number of bytes.
 * @returns bytes, 0 to 2^53-1
 * @throws Error that shows `text` and lists the accepted forms
 */
export function parseOffset(text: string): number {
  const match = /^(\d+)(?:\.(\d+))?([kKMGTP](?:i?B)?|[Bs])?$/.exec(text);
  if (match === null) throw new Error(`${JSON.stringify(text)} is not an offset; give ${FORMS}`);
  const [, whole = "", fraction = "", unit = "B"] = match;
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole + fraction) * bytesIn(unit);
  if (scaled % scale !== 0n)
    throw new Error(`${JSON.stringify(text)} is not a whole number of bytes; give ${FORMS}`);
  const offset = scaled / scale;
  if (offset > Number.MAX_SAFE_INTEGER)
    throw new Error(
      `${JSON.stringify(text)} is more than ${Number.MAX_SAFE_INTEGER} bytes; give ${FORMS}`,
    );
  return Number(offset);
}

/** Accepts an offset as text, which it coerces to a number, or as a number. */
export const isOffset = parsedBy<number>({
  parse: parseOffset,
  isParsed: (value): value is number =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= 0,
  expected: `expected an offset: ${FORMS}`,
});

/** Place in a file or device. */
export const OFFSET: Kind<number> = {
  name: "OFFSET",
  form: /^\d/,
  type: "number | string",
  example: "10G",
  validator: isOffset,
};

function bytesIn(unit: string): bigint {
  if (unit === "B") return 1n;
  if (unit === "s") return SECTOR;
  const base = /[^i]B$/.test(unit) ? 1000n : 1024n;
  const power = PREFIXES.indexOf(unit.charAt(0).toUpperCase()) + 1;
  return base ** BigInt(power);
}

/**
 * Refuses a range without a byte in it: a mistake in a script would look like a success.
 *
 * @throws UsageError
 */
export function refuseEmptyRange({
  start = 0,
  end,
}: {
  start: number | undefined;
  end: number | undefined;
}): void {
  if (end !== undefined && end <= start) {
    throw new UsageError(
      `--end ${end} must be greater than --start ${start}`,
      "give a range that is not empty",
    );
  }
}
