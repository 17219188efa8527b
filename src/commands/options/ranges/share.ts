import type { Kind } from "../declare.ts";
import { parsedBy } from "../parsed-by.ts";

const FORMS = "give a percentage from 0.1% to 100%, as 3%";

/** The number of runs after which shares of this size have covered everything. */
export const SHARE: Kind<number> = {
  name: "SHARE",
  form: /^\d/,
  example: "3%",
  validator: parsedBy({
    parse: parseShare,
    isParsed: (value) => typeof value === "number",
    expected: `expected a share: ${FORMS}`,
  }),
};

function parseShare(text: string): number {
  const percent = Number(text.slice(0, -1));
  if (!/^\d{1,3}(?:\.\d{1,2})?%$/.test(text) || percent < 0.1 || percent > 100) {
    throw new Error(`${JSON.stringify(text)} is not a share; ${FORMS}`);
  }
  return Math.ceil(100 / percent);
}
