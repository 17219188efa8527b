import { extentOf } from "./extents.ts";
import { type MapText, MAX_ITEM, type Parsing, shown } from "./map-text.ts";

const SECTOR = 512;

/** The allowed paths of elements, and their attributes. */
const ELEMENTS: readonly { path: RegExp; required: string[]; optional: string[] }[] = [
  {
    path: /^\/superblock$/,
    required: ["data_block_size"],
    optional: [
      "uuid",
      "time",
      "transaction",
      "flags",
      "version",
      "nr_data_blocks",
      "metadata_snap",
    ],
  },
  {
    path: /^\/superblock\/diff$/,
    required: [],
    optional: ["left", "right", "left_root", "right_root"],
  },
  {
    path: /^\/superblock\/diff\/(?:different|left_only|right_only|same)$/,
    required: [],
    optional: ["begin", "length"],
  },
  {
    path: /^\/superblock\/diff\/(?:different|left_only|right_only|same)\/range$/,
    required: ["begin", "length"],
    optional: ["data_begin", "left_data_begin", "right_data_begin"],
  },
];

/** A tag. thin_delta writes no comments, entities, declarations or text. */
interface Tag {
  kind: "start" | "end" | "empty";
  name: string;
  attributes: ReadonlyMap<string, string>;
}

/**
 * Adds the extents of all differences in the XML of thin_delta(8), with or without `--verbose`.
 *
 * A general XML parser would accept more than thin_delta writes. This one refuses everything else.
 *
 * @throws UsageError
 */
export function* parseThinDelta(map: MapText): Parsing {
  const differences = new Differences(map);
  do {
    const { tag, length } = parseTag(map);
    differences.take(tag);
    map.at += length;
    yield* map.skipSpace();
  } while (differences.open && map.at < map.text.length);
  if (map.at < map.text.length) {
    throw map.misread(`${map.next()} follows the end`);
  }
  differences.end();
}

/** The elements that are open, and what they say. */
class Differences {
  readonly #map: MapText;
  readonly #open: string[] = [];
  /** Bytes in a block of the thin pool. */
  #unit = 0;
  #diffs = 0;

  constructor(map: MapText) {
    this.#map = map;
  }

  /** True while an element is open. */
  get open(): boolean {
    return this.#open.length > 0;
  }

  /** @throws UsageError */
  take(tag: Tag): void {
    if (tag.kind === "end") {
      if (this.#open.pop() !== tag.name) {
        throw this.#map.misread(`</${tag.name}> closes what is not open`);
      }
      return;
    }
    const path = `/${[...this.#open, tag.name].join("/")}`;
    checkElement(this.#map, tag, path);
    if (tag.name === "superblock") {
      this.#takeUnit(tag);
    } else if (tag.name === "diff") {
      this.#diffs += 1;
    } else if (tag.name === "range" || tag.kind === "empty") {
      this.#takeRange(tag, path);
    } else if (tag.attributes.size > 0) {
      throw this.#map.misread(`<${tag.name}> with attributes and not closed`);
    }
    if (tag.kind === "start") {
      this.#open.push(tag.name);
    }
  }

  /**
   * Takes the end of the text.
   *
   * @throws UsageError
   */
  end(): void {
    if (this.open) throw this.#map.misread(`it ends within <${this.#open.at(-1)}>`);
    if (this.#diffs !== 1) throw this.#map.misread("it does not have exactly one <diff>");
  }

  #takeUnit(tag: Tag): void {
    this.#unit = number(this.#map, tag, "data_block_size") * SECTOR;
    if (this.#unit === 0 || !Number.isSafeInteger(this.#unit)) {
      throw this.#map.misread("the data_block_size is not a valid block size");
    }
  }

  #takeRange(tag: Tag, path: string): void {
    const [begin, length] = ["begin", "length"].map((name) => number(this.#map, tag, name)) as [
      number,
      number,
    ];
    const extent = extentOf(begin, length, this.#unit);
    if (extent === undefined) {
      throw this.#map.misread(`<${tag.name}> reaches beyond ${Number.MAX_SAFE_INTEGER}`);
    }
    if (!path.includes("/same")) {
      this.#map.add(extent);
    }
  }
}

/** Parses the tag that is next, and returns the number of its characters too. */
function parseTag(map: MapText): { tag: Tag; length: number } {
  const { text, at } = map;
  const end = text.indexOf(">", at) + 1;
  const source = text.slice(at, end === 0 ? at + 61 : Math.min(end, at + MAX_ITEM));
  const match = /^<(\/?)([a-z_]+)((?:\s+[a-z_]+="[^"<>&]*")*)\s*(\/?)>$/.exec(source);
  const [, slash = "", name = "", list = "", empty = ""] = match ?? [];
  const closes = slash !== "";
  if (match === null || (closes && (list !== "" || empty !== ""))) {
    throw map.misread(`${shown(source)} is not a tag that thin_delta writes`);
  }
  const kind = closes ? "end" : empty === "" ? "start" : "empty";
  return { tag: { kind, name, attributes: attributes(map, list) }, length: source.length };
}

function attributes(map: MapText, list: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", value = ""] of list.matchAll(/([a-z_]+)="([^"]*)"/g)) {
    if (found.has(name)) {
      throw map.misread(`the attribute ${name} is repeated`);
    }
    found.set(name, value);
  }
  return found;
}

function checkElement(map: MapText, { name, attributes: given }: Tag, path: string): void {
  const element = ELEMENTS.find((each) => each.path.test(path));
  if (element === undefined) {
    throw map.misread(`<${name}> is not expected here`);
  }
  const { required, optional } = element;
  const unknown = [...given.keys()].find((each) => ![...required, ...optional].includes(each));
  const missing = required.find((each) => !given.has(each));
  if (unknown !== undefined || missing !== undefined) {
    const what = unknown === undefined ? `lacks ${missing}` : `has an attribute ${unknown}`;
    throw map.misread(`<${name}> ${what}`);
  }
}

/** Parses the whole number in an attribute. */
function number(map: MapText, { name, attributes: given }: Tag, attribute: string): number {
  const text = given.get(attribute) ?? "";
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw map.misread(
      `${attribute} of <${name}> is ${shown(text)}, not a whole number up to ${Number.MAX_SAFE_INTEGER}`,
    );
  }
  return value;
}
