import * as t from "typanion";

import { parseOffset } from "./offset.ts";
import { refuse } from "./refuse.ts";

const FORMS = "give a number with a unit, as 20M (K, M, G: powers of 1024; KB, MB, GB: of 1000)";

/**
 * Bytes a second, as a person writes them: as an offset, but with a unit.
 *
 * @returns bytes a second, at least 1
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

/** For a clipanion String option: coerces what was typed with `parseRate`. */
export const isRate: t.StrictValidator<unknown, number> = t.makeValidator({
  test: (value, state): value is number => {
    if (typeof value === "number") {
      // Coerced before.
      return true;
    }
    try {
      const rate = parseRate(String(value));
      if (state?.coercions !== undefined && state.coercion !== undefined) {
        state.coercions.push([state.p ?? ".", state.coercion.bind(null, rate)]);
      }
      return true;
    } catch (error) {
      return refuse(state, (error as Error).message);
    }
  },
});
