import { append, type Extent, extentOf } from "./extents.ts";
import { type MapText, MAX_ITEM, misread, shown, skipSpace } from "./map-text.ts";

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
  at: number;
  kind: "start" | "end" | "empty";
  name: string;
  attributes: ReadonlyMap<string, string>;
}

/**
 * Returns the extents of all differences in the XML of thin_delta(8), with or without `--verbose`.
 *
 * A general XML parser would accept more than thin_delta writes. This one refuses everything else.
 *
 * @throws UsageError
 */
export function parseThinDelta(map: MapText): Extent[] {
  const extents: Extent[] = [];
  const open: string[] = [];
  let unit = 0;
  let diffs = 0;
  for (const tag of tags(map)) {
    if (tag.kind === "end") {
      if (open.pop() !== tag.name) {
        throw misread(map, tag.at, `</${tag.name}> closes what is not open`);
      }
      continue;
    }
    const path = `/${[...open, tag.name].join("/")}`;
    checkElement(map, tag, path);
    if (tag.name === "superblock") {
      unit = number(map, tag, "data_block_size") * SECTOR;
      if (unit === 0 || !Number.isSafeInteger(unit)) {
        throw misread(map, tag.at, "the data_block_size is not a valid block size");
      }
    } else if (tag.name === "diff") {
      diffs += 1;
    } else if (tag.name === "range" || tag.kind === "empty") {
      const extent = extentOf(number(map, tag, "begin"), number(map, tag, "length"), unit);
      if (extent === undefined) {
        throw misread(map, tag.at, `<${tag.name}> reaches beyond ${Number.MAX_SAFE_INTEGER}`);
      }
      if (!path.includes("/same")) {
        append(extents, extent);
      }
    } else if (tag.attributes.size > 0) {
      throw misread(map, tag.at, `<${tag.name}> with attributes and not closed`);
    }
    if (tag.kind === "start") {
      open.push(tag.name);
    }
  }
  if (open.length > 0 || diffs !== 1) {
    const what =
      open.length > 0 ? `it ends within <${open.at(-1)}>` : "it does not have exactly one <diff>";
    throw misread(map, map.text.length, what);
  }
  return extents;
}

function* tags(map: MapText): Generator<Tag> {
  const { text } = map;
  let depth = 0;
  for (let at = skipSpace(text, 0); at < text.length;) {
    const end = text.indexOf(">", at) + 1;
    const tag = text.slice(at, end === 0 ? at + 61 : Math.min(end, at + MAX_ITEM));
    const match = /^<(\/?)([a-z_]+)((?:\s+[a-z_]+="[^"<>&]*")*)\s*(\/?)>$/.exec(tag);
    const [, slash = "", name = "", list = "", empty = ""] = match ?? [];
    const closes = slash !== "";
    if (match === null || (closes && (list !== "" || empty !== ""))) {
      throw misread(map, at, `${shown(tag)} is not a tag that thin_delta writes`);
    }
    const kind = closes ? "end" : empty === "" ? "start" : "empty";
    yield { at, kind, name, attributes: attributes(map, at, list) };
    depth += { start: 1, end: -1, empty: 0 }[kind];
    at = skipSpace(text, end);
    if (depth === 0 && at < text.length) {
      throw misread(map, at, `${shown(text.slice(at, at + 61))} follows the end`);
    }
  }
}

function attributes(map: MapText, at: number, list: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", value = ""] of list.matchAll(/([a-z_]+)="([^"]*)"/g)) {
    if (found.has(name)) {
      throw misread(map, at, `the attribute ${name} is repeated`);
    }
    found.set(name, value);
  }
  return found;
}

function checkElement(map: MapText, { at, name, attributes: given }: Tag, path: string): void {
  const element = ELEMENTS.find((each) => each.path.test(path));
  if (element === undefined) {
    throw misread(map, at, `<${name}> is not expected here`);
  }
  const { required, optional } = element;
  const unknown = [...given.keys()].find((each) => ![...required, ...optional].includes(each));
  const missing = required.find((each) => !given.has(each));
  if (unknown !== undefined || missing !== undefined) {
    const what = unknown === undefined ? `lacks ${missing}` : `has an attribute ${unknown}`;
    throw misread(map, at, `<${name}> ${what}`);
  }
}

/** Parses the whole number in an attribute. */
function number(map: MapText, { at, name, attributes: given }: Tag, attribute: string): number {
  const text = given.get(attribute) ?? "";
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw misread(
      map,
      at,
      `${attribute} of <${name}> is ${shown(text)}, not a whole number up to ${Number.MAX_SAFE_INTEGER}`,
    );
  }
  return value;
}
