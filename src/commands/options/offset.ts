import { UsageError } from "../../errors/copy-error.ts";
import * as t from "typanion";

import { refuse } from "./refuse.ts";

const SECTOR = 512n;

/** In order of the power of 1000 or 1024 that each one stands for. */
const PREFIXES = "KMGTP";

const FORMS =
  "bytes such as 4096, or a number followed by K, M, G, T or P (or KiB to PiB: powers of 1024), KB to PB (powers of 1000), s (sectors of 512 bytes) or B (bytes)";

/**
 * A place in a file or device, as a person writes it: a decimal number of bytes,
 * or of the unit that follows without a space. A fraction (`1.5G`) must come
 * to a whole number of bytes.
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

/** For a clipanion String option: coerces what was typed with `parseOffset`. */
export const isOffset: t.StrictValidator<unknown, number> = t.makeValidator({
  test: (value, state): value is number => {
    const fail = (message: string): false => refuse(state, message);
    // Once coerced, or a default: nothing is left to parse.
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return true;
    if (typeof value !== "string") return fail(`expected an offset: ${FORMS}`);
    if (state?.coercions === undefined || state.coercion === undefined)
      return fail("an offset given as text needs coercion");
    try {
      state.coercions.push([state.p ?? ".", state.coercion.bind(null, parseOffset(value))]);
    } catch (error) {
      return fail((error as Error).message);
    }
    return true;
  },
});

function bytesIn(unit: string): bigint {
  if (unit === "B") return 1n;
  if (unit === "s") return SECTOR;
  const base = /[^i]B$/.test(unit) ? 1000n : 1024n;
  const power = PREFIXES.indexOf(unit.charAt(0).toUpperCase()) + 1;
  return base ** BigInt(power);
}

/**
 * A range that has nothing in it is a mistake in a script: what does nothing would look like a success.
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
      `--end ${end} does not lie behind --start ${start}`,
      "give a range that is not empty",
    );
  }
}
