import type { Part } from "../../blocks/part.ts";
import type { Kind } from "./declare.ts";
import { parsedBy } from "./parsed-by.ts";

/** One of several parts of a copy, as `1/4`. */
export const PART: Kind<Part> = {
  name: "PART",
  validator: parsedBy({
    parse: parsePart,
    isParsed: (value): value is Part => typeof value === "object" && value !== null,
    expected: "expected a part, as 1/4",
  }),
};

function parsePart(text: string): Part {
  const [number = 0, count = 0] = text.split("/").map(Number);
  if (!/^[1-9]\d?\/[1-9]\d?$/.test(text) || number > count) {
    throw new Error(`${JSON.stringify(text)} is not a part; give one such as 1/4`);
  }
  return { number, count };
}
