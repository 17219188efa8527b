import * as t from "typanion";

import type { Part } from "../../../blocks/part.ts";
import { QUEUE } from "../../../ui/programs/stream-share.ts";
import type { Kind } from "../declare.ts";
import { parsedBy } from "../parsed-by.ts";
import { refuse } from "../refuse.ts";

/** The text of a part that an audit compares. */
export const AUDITED = /^[1-9]\d{0,3}\/[1-9]\d{0,3}$/;

/** One of several parts of a copy, as `1/4`. */
export const PART: Kind<Part> = kindOf(/^[1-9]\d?\/[1-9]\d?$/);

/** The queue from which the streams of a copy take their parts: its name, or `new` to make it. */
export const QUEUE_NAME: Kind<string> = {
  name: "QUEUE",
  validator: t.makeValidator({
    test: (value, state): value is string =>
      value === "new" ||
      (typeof value === "string" && QUEUE.test(value)) ||
      refuse(state, `${JSON.stringify(value)} is not a queue of parts`),
  }),
};

/** One of the parts of a file that audits compare in turn, as `1/34`. */
export const AUDITED_PART: Kind<Part> = kindOf(AUDITED);

function kindOf(form: RegExp): Kind<Part> {
  return {
    name: "PART",
    validator: parsedBy({
      parse: (text) => parsePart(text, form),
      isParsed: (value): value is Part => typeof value === "object" && value !== null,
      expected: "expected a part, as 1/4",
    }),
  };
}

/** @throws Error that shows `text` */
export function parsePart(text: string, form: RegExp): Part {
  const [number = 0, count = 0] = text.split("/").map(Number);
  if (!form.test(text) || number > count) {
    throw new Error(`${JSON.stringify(text)} is not a part; give one such as 1/4`);
  }
  return { number, count };
}
