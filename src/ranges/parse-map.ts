import type { Extents } from "./extents.ts";
import { parseJson } from "./json-map.ts";
import { type ParseOffset, parseLines } from "./lines-map.ts";
import { MapText, type Parsing } from "./map-text.ts";
import { parseThinDelta } from "./thin-delta.ts";

/** Parses a range map as it arrives. The first character determines the format. */
export class RangeMapParser {
  readonly #map: MapText;
  readonly #parsing: Parsing;

  /** @param name the name of the map in messages */
  constructor(name: string, parseOffset: ParseOffset) {
    this.#map = new MapText(name);
    this.#parsing = parse(this.#map, parseOffset);
    this.#parsing.next();
  }

  /**
   * Takes the next part of the text, with one character per byte.
   *
   * @throws UsageError
   */
  feed(text: string): void {
    this.#map.feed(text);
    this.#parsing.next();
  }

  /**
   * Takes the end of the text, and returns the extents that it names, in its order.
   *
   * @throws UsageError
   */
  end(): Extents {
    this.#map.end();
    this.#parsing.next();
    return this.#map.extents;
  }
}

function* parse(map: MapText, parseOffset: ParseOffset): Parsing {
  yield* map.skipSpace();
  switch (map.text[map.at]) {
    case undefined:
      // The program that should have written it has probably failed. Accepting it would copy nothing and succeed.
      throw map.misread(
        "it is empty (one without ranges is `[]`, or a comment that begins with `#`)",
      );
    case "<":
      return yield* parseThinDelta(map);
    case "[":
      return yield* parseJson(map);
    default:
      return yield* parseLines(map, parseOffset);
  }
}
