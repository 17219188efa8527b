import { type MapText, MAX_ITEM, misread, shown, skipSpace } from "./map-text.ts";

/** An object of a JSON array, and the position of its first character. */
export interface Entry {
  at: number;
  fields: Readonly<Record<string, unknown>>;
}

/**
 * Yields the entries of a JSON array of flat objects one by one. So errors can name the line of an entry, and nesting cannot
 * exhaust the memory.
 *
 * @throws UsageError
 */
export function* jsonEntries(map: MapText): Generator<Entry> {
  const { text } = map;
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  if (text[at] === "]") {
    return finish(map, at);
  }
  for (;;) {
    const close = text.indexOf("}", at) + 1;
    if (text[at] !== "{" || close === 0 || close - at > MAX_ITEM) {
      const found = at < text.length ? shown(text.slice(at, at + 61)) : "the end";
      throw misread(map, at, `expected a JSON object without nested objects, found ${found}`);
    }
    yield { at, fields: parseObject(map, at, text.slice(at, close)) };
    const separator = skipSpace(text, close);
    if (text[separator] === "]") {
      return finish(map, separator);
    }
    if (text[separator] !== ",") {
      const found = separator < text.length ? shown(text[separator] ?? "") : "the end";
      throw misread(map, separator, `expected \`,\` or \`]\` after a JSON object, found ${found}`);
    }
    at = skipSpace(text, separator + 1);
  }
}

function parseObject(map: MapText, at: number, json: string): Entry["fields"] {
  try {
    return JSON.parse(json) as Entry["fields"];
  } catch {
    throw misread(map, at, `${shown(json)} is not a JSON object without nested objects`);
  }
}

/** Refuses anything after the array, such as a second map. */
function finish(map: MapText, bracket: number): void {
  const rest = skipSpace(map.text, bracket + 1);
  if (rest < map.text.length) {
    throw misread(map, rest, `${shown(map.text.slice(rest, rest + 61))} follows the JSON array`);
  }
}
