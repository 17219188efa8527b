import { type MapText, MAX_ITEM, type Parsing, shown } from "./map-text.ts";

/** The fields of an object in a JSON array. */
export type Entry = Readonly<Record<string, unknown>>;

/** Matches up to the first closing brace that is not in a string: names of files may have braces. */
const FLAT_OBJECT = /^\{[^"}]*(?:"[^"\\]*(?:\\[^][^"\\]*)*"[^"}]*)*\}/;

/**
 * Passes on the entries of a JSON array of flat objects one by one. So errors can name the line of an entry, and nesting cannot
 * exhaust the memory.
 *
 * @throws UsageError
 */
export function* jsonEntries(map: MapText, take: (entry: Entry) => void): Parsing {
  map.at += 1;
  yield* map.skipSpace();
  if (map.text[map.at] === "]") {
    return yield* finish(map);
  }
  for (;;) {
    const [object] = FLAT_OBJECT.exec(map.text.slice(map.at, map.at + MAX_ITEM)) ?? [];
    if (object === undefined) {
      throw map.misread(`expected a JSON object without nested objects, found ${map.next()}`);
    }
    take(parseObject(map, object));
    map.at += object.length;
    yield* map.skipSpace();
    const separator = map.text[map.at];
    if (separator === "]") {
      return yield* finish(map);
    }
    if (separator !== ",") {
      const found = separator === undefined ? "the end" : shown(separator);
      throw map.misread(`expected \`,\` or \`]\` after a JSON object, found ${found}`);
    }
    map.at += 1;
    yield* map.skipSpace();
  }
}

function parseObject(map: MapText, json: string): Entry {
  try {
    return JSON.parse(json) as Entry;
  } catch {
    throw map.misread(`${shown(json)} is not a JSON object without nested objects`);
  }
}

/** Refuses anything after the array, such as a second map. */
function* finish(map: MapText): Parsing {
  map.at += 1;
  yield* map.skipSpace();
  if (map.at < map.text.length) {
    throw map.misread(`${map.next()} follows the JSON array`);
  }
}
