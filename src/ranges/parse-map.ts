import type { Extent } from "./extents.ts";
import { parseJson } from "./json-map.ts";
import { type ParseOffset, parseLines } from "./lines-map.ts";
import { type MapText, misread, skipSpace } from "./map-text.ts";
import { parseThinDelta } from "./thin-delta.ts";

/**
 * Returns the extents that a range map names, in its order. The first character determines the format.
 *
 * @throws UsageError
 */
export function parseMap(map: MapText, parseOffset: ParseOffset): Extent[] {
  const { text } = map;
  switch (text[skipSpace(text, 0)]) {
    case undefined:
      // The program that should have written it has probably failed. Accepting it would copy nothing and succeed.
      throw misread(
        map,
        0,
        "it is empty (one without ranges is `[]`, or a comment that begins with `#`)",
      );
    case "<":
      return parseThinDelta(map);
    case "[":
      return parseJson(map);
    default:
      return parseLines(map, parseOffset);
  }
}
