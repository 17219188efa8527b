import type { Entry } from "./json-entries.ts";

/** The meaning of an entry: `wanted` if its bytes may differ from those of the destination. */
interface Meaning {
  context: string;
  type: (type: unknown) => boolean;
  description: RegExp;
  wanted: boolean;
}

const is = (value: number) => (type: unknown) => type === value;

/**
 * The metadata contexts that nbdinfo(1) describes. A `hole` is wanted unless it is `zero` too: only that promises zeros. Early
 * versions say `allocated` and `unallocated` for `data` and `absent`.
 */
const MEANINGS: readonly Meaning[] = [
  { context: "a dirty bitmap", type: is(0), description: /^clean$/, wanted: false },
  { context: "a dirty bitmap", type: is(1), description: /^dirty$/, wanted: true },
  {
    context: "allocation depth",
    type: is(0),
    description: /^(?:absent|unallocated)$/,
    wanted: false,
  },
  { context: "allocation depth", type: is(1), description: /^local$/, wanted: true },
  {
    context: "allocation depth",
    type: (type) => Number.isSafeInteger(type) && (type as number) > 1,
    description: /^backing,? depth \d+$/,
    wanted: false,
  },
  { context: "allocation", type: is(0), description: /^(?:data|allocated)$/, wanted: true },
  { context: "allocation", type: is(1), description: /^hole$/, wanted: true },
  { context: "allocation", type: is(2), description: /^zero$/, wanted: true },
  { context: "allocation", type: is(3), description: /^hole,zero$/, wanted: false },
];

/** Returns the meaning of an entry of `nbdinfo --map --json`; undefined if it is unknown. */
export function nbdMeaning({ type, description }: Entry): Meaning | undefined {
  return MEANINGS.find(
    (meaning) =>
      meaning.type(type) &&
      typeof description === "string" &&
      meaning.description.test(description),
  );
}
