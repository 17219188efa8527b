import type { Kind } from "./declare.ts";
import { parseOffset } from "./offset.ts";
import { parsedBy } from "./parsed-by.ts";

const FORMS = "give a number with a unit, as 20M (K, M, G: powers of 1024; KB, MB, GB: of 1000)";

/**
 * Parses a rate: an offset with a unit.
 *
 * @returns bytes per second, at least 1
 * @throws Error that shows `text` and says what to write
 */
export function parseRate(text: string): number {
  if (/^\d+$/.test(text) && !/^0+$/.test(text)) {
    throw new Error(
      `${JSON.stringify(text)} has no unit; for rsync it would mean KiB a second, so give ${text}K`,
    );
  }
  if (!/^0+$|^\d+(?:\.\d+)?(?:[kKMGTP](?:i?B)?|B)$/.test(text)) {
    throw new Error(`${JSON.stringify(text)} is not a rate; ${FORMS}`);
  }
  const rate = parseOffset(text);
  if (rate === 0) {
    throw new Error(`${JSON.stringify(text)} lets nothing through; for no limit, leave it out`);
  }
  return rate;
}

/** Bytes per second. */
export const RATE: Kind<number> = {
  name: "RATE",
  form: /^\d/,
  example: "20M",
  validator: parsedBy({
    parse: parseRate,
    isParsed: (value) => typeof value === "number",
    expected: `expected a rate: ${FORMS}`,
  }),
};
