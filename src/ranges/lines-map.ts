import { append, type Extent, extentOf } from "./extents.ts";
import { type MapText, MAX_ITEM, misread, shown } from "./map-text.ts";

/** Parses an offset such as `4M` into bytes. Throws an Error that lists the forms. */
export type ParseOffset = (text: string) => number;

/**
 * Returns the extents of a range map of lines `OFFSET LENGTH`. Skips blank lines, and those that begin with `#`.
 *
 * @throws UsageError
 */
export function parseLines(map: MapText, parseOffset: ParseOffset): Extent[] {
  const { text } = map;
  const extents: Extent[] = [];
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf("\n", at);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(at, Math.min(end, at + MAX_ITEM)).trim();
    if (line !== "" && !line.startsWith("#")) {
      if (end - at > MAX_ITEM) {
        throw misread(map, at, `it is longer than ${MAX_ITEM} characters`);
      }
      append(extents, parseLine(map, at, line, parseOffset));
    }
    at = end + 1;
  }
  return extents;
}

function parseLine(map: MapText, at: number, line: string, parseOffset: ParseOffset): Extent {
  const [offset, length, ...more] = line.split(/[ \t]+/);
  if (offset === undefined || length === undefined || more.length > 0) {
    throw misread(map, at, `${shown(line)} is not an offset and a length`);
  }
  const [begin, count] = [offset, length].map((field) => {
    try {
      return parseOffset(field);
    } catch (error) {
      // The original message lists all forms and repeats the whole field, which may be long.
      const [, why = ""] = / (is [^;]*)/.exec((error as Error).message) ?? [];
      throw misread(map, at, `${shown(field)} ${why}`);
    }
  }) as [number, number];
  const extent = extentOf(begin, count);
  if (extent === undefined) {
    throw misread(map, at, `${shown(line)} reaches beyond ${Number.MAX_SAFE_INTEGER}`);
  }
  return extent;
}
