import { append, type Extent, extentOf } from "./extents.ts";
import { type Entry, jsonEntries } from "./json-entries.ts";
import { type MapText, misread } from "./map-text.ts";
import { nbdMeaning } from "./nbd-map.ts";

/** The JSON of a tool. */
interface Dialect {
  tool: string;
  /** The field that has the offset. */
  start: string;
  required: readonly string[];
  optional: readonly string[];
  /** Of what kind the entry's map is, and whether the entry is a range; undefined when it says what is not known. */
  meaning: (entry: Entry) => { context: string; wanted: boolean } | undefined;
}

const NBDINFO: Dialect = {
  tool: "nbdinfo --map --json",
  start: "offset",
  required: ["offset", "length", "type", "description"],
  optional: [],
  meaning: nbdMeaning,
};

const QEMU_IMG: Dialect = {
  tool: "qemu-img map --output=json",
  start: "start",
  required: ["start", "length", "depth", "zero", "data"],
  optional: ["present", "compressed", "offset", "filename"],
  meaning: qemuMeaning,
};

/**
 * The extents of a map in JSON: the entries that say that something of the image's own is there.
 *
 * @throws UsageError
 */
export function parseJson(map: MapText): Extent[] {
  const extents: Extent[] = [];
  let first: { dialect: Dialect; context: string } | undefined;
  for (const entry of jsonEntries(map)) {
    const dialect = "start" in entry.fields ? QEMU_IMG : NBDINFO;
    const fail = (what: string): Error => misread(map, entry.at, what);
    checkFields(entry, dialect, fail);
    const meaning = dialect.meaning(entry);
    if (meaning === undefined) {
      throw fail(`what this entry of \`${dialect.tool}\` says is not known`);
    }
    first ??= { dialect, context: meaning.context };
    if (first.dialect !== dialect || first.context !== meaning.context) {
      throw fail(`an entry of ${meaning.context} in a map of ${first.context}`);
    }
    const { length } = entry.fields;
    const extent = extentOf(entry.fields[dialect.start] as number, length as number);
    if (extent === undefined) {
      throw fail(
        `\`${dialect.start}\` and \`length\` must be whole numbers that come to at most ${Number.MAX_SAFE_INTEGER}`,
      );
    }
    if (meaning.wanted) {
      append(extents, extent);
    }
  }
  return extents;
}

/** A field that is not known may change what the others mean. */
function checkFields(
  { fields }: Entry,
  { tool, required, optional }: Dialect,
  fail: (what: string) => Error,
): void {
  const missing = required.find((name) => !Object.hasOwn(fields, name));
  if (missing !== undefined) {
    throw fail(`an entry of \`${tool}\` has a field \`${missing}\`, this one does not`);
  }
  const unknown = Object.keys(fields).find((name) => ![...required, ...optional].includes(name));
  if (unknown !== undefined) {
    throw fail(`an entry of \`${tool}\` has no field ${JSON.stringify(unknown)}`);
  }
}

/**
 * Depth 0 is the image itself, what lies deeper belongs to its backing files. Versions before 6.1 do not say what is
 * present: there it is what has data or is known to be zero.
 */
function qemuMeaning({ fields }: Entry): { context: string; wanted: boolean } | undefined {
  const { depth, zero, data, present } = fields;
  if (
    !Number.isSafeInteger(depth) ||
    (depth as number) < 0 ||
    [zero, data, present ?? false].some((flag) => typeof flag !== "boolean")
  ) {
    return undefined;
  }
  const own = present === undefined ? data || zero : present;
  return { context: "an image", wanted: depth === 0 && own === true };
}
