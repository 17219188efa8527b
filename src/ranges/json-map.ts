import { extentOf } from "./extents.ts";
import { type Entry, jsonEntries } from "./json-entries.ts";
import { type MapText, type Parsing, shown } from "./map-text.ts";
import { nbdMeaning } from "./nbd-map.ts";

/** The JSON format of a tool. */
interface Dialect {
  tool: string;
  /** Name of the field with the offset. */
  start: string;
  required: readonly string[];
  optional: readonly string[];
  /** Returns the kind of range map that the entry belongs to, and if the entry is wanted; undefined for an unknown entry. */
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

/** The kind of the entries of a map. */
interface Described {
  dialect: Dialect;
  context: string;
}

/**
 * Adds the extents of a range map in JSON: those where the image itself has content.
 *
 * @throws UsageError
 */
export function* parseJson(map: MapText): Parsing {
  let first: Described | undefined;
  yield* jsonEntries(map, (entry) => {
    first = addEntry(map, entry, first);
  });
}

/** Adds the extent of an entry if it is wanted. Refuses an entry of another kind than the first one, and returns its kind. */
function addEntry(map: MapText, entry: Entry, first: Described | undefined): Described {
  const dialect = "start" in entry ? QEMU_IMG : NBDINFO;
  checkFields(map, entry, dialect);
  const meaning = dialect.meaning(entry);
  if (meaning === undefined) {
    throw map.misread(`unknown kind of entry of \`${dialect.tool}\``);
  }
  const { context, wanted } = meaning;
  if (first !== undefined && (first.dialect !== dialect || first.context !== context)) {
    throw map.misread(`an entry of ${context} in a map of ${first.context}`);
  }
  const extent = extentOf(entry[dialect.start] as number, entry["length"] as number);
  if (extent === undefined) {
    throw map.misread(
      `\`${dialect.start}\` and \`length\` must be whole numbers whose sum is at most ${Number.MAX_SAFE_INTEGER}`,
    );
  }
  if (wanted) {
    map.add(extent);
  }
  return { dialect, context };
}

/** Refuses missing fields, and unknown ones: they may change the meaning of the others. */
function checkFields(map: MapText, entry: Entry, { tool, required, optional }: Dialect): void {
  const missing = required.find((name) => !Object.hasOwn(entry, name));
  if (missing !== undefined) {
    throw map.misread(`this entry of \`${tool}\` lacks the field \`${missing}\``);
  }
  const unknown = Object.keys(entry).find((name) => ![...required, ...optional].includes(name));
  if (unknown !== undefined) {
    throw map.misread(`unknown field ${shown(unknown)} in an entry of \`${tool}\``);
  }
}

/**
 * Interprets an entry of qemu-img. Depth 0 is the image itself; greater depths are its backing files. Versions before 6.1 have
 * no field `present`: there, data and known zeros are present.
 */
function qemuMeaning(entry: Entry): { context: string; wanted: boolean } | undefined {
  const { depth, zero, data, present } = entry;
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
