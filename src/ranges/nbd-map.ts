import type { Entry } from "./json-entries.ts";

/** What an entry says, and whether its bytes may be others than the destination's. */
interface Meaning {
  context: string;
  type: (type: unknown) => boolean;
  description: RegExp;
  wanted: boolean;
}

const is = (value: number) => (type: unknown) => type === value;

/**
 * The metadata contexts that nbdinfo(1) has words for. `hole` alone is not left out: only `zero` promises what is read
 * there. `allocated` and `unallocated` are what its early versions call `data` and `absent`.
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

/** What an entry of `nbdinfo --map --json` means; undefined when nobody knows. */
export function nbdMeaning({ fields }: Entry): Meaning | undefined {
  const { type, description } = fields;
  return MEANINGS.find(
    (meaning) =>
      meaning.type(type) &&
      typeof description === "string" &&
      meaning.description.test(description),
  );
}
