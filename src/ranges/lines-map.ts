import { type Extent, extentOf } from "./extents.ts";
import { type MapText, MAX_ITEM, type Parsing, shown } from "./map-text.ts";

/** Parses an offset such as `4M` into bytes. Throws an Error that lists the forms. */
export type ParseOffset = (text: string) => number;

/**
 * Adds the extents of a range map of lines `OFFSET LENGTH`. Skips blank lines, and those that begin with `#`.
 *
 * @throws UsageError
 */
export function* parseLines(map: MapText, parseOffset: ParseOffset): Parsing {
  for (;;) {
    yield* map.skipSpace();
    const { text, at } = map;
    if (at === text.length) {
      return;
    }
    if (text[at] !== "#") {
      const newline = text.indexOf("\n", at);
      const end = newline === -1 ? text.length : newline;
      if (end - at > MAX_ITEM) {
        throw map.misread(`it is longer than ${MAX_ITEM} characters`);
      }
      map.add(parseLine(map, text.slice(at, end).trimEnd(), parseOffset));
    }
    yield* map.skipLine();
  }
}

function parseLine(map: MapText, line: string, parseOffset: ParseOffset): Extent {
  const [offset, length, ...more] = line.split(/[ \t]+/);
  if (offset === undefined || length === undefined || more.length > 0) {
    throw map.misread(`${shown(line)} is not an offset and a length`);
  }
  const [begin, count] = [offset, length].map((field) => {
    try {
      return parseOffset(field);
    } catch (error) {
      // The original message lists all forms and repeats the whole field, which may be long.
      const [, why = ""] = / (is [^;]*)/.exec((error as Error).message) ?? [];
      throw map.misread(`${shown(field)} ${why}`);
    }
  }) as [number, number];
  const extent = extentOf(begin, count);
  if (extent === undefined) {
    throw map.misread(`${shown(line)} reaches beyond ${Number.MAX_SAFE_INTEGER}`);
  }
  return extent;
}
