import { append, type Extent, extentOf } from "./extents.ts";
import { type Entry, jsonEntries } from "./json-entries.ts";
import { type MapText, misread, shown } from "./map-text.ts";
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

/**
 * Returns the extents of a range map in JSON: those where the image itself has content.
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
      throw fail(`unknown kind of entry of \`${dialect.tool}\``);
    }
    first ??= { dialect, context: meaning.context };
    if (first.dialect !== dialect || first.context !== meaning.context) {
      throw fail(`an entry of ${meaning.context} in a map of ${first.context}`);
    }
    const { length } = entry.fields;
    const extent = extentOf(entry.fields[dialect.start] as number, length as number);
    if (extent === undefined) {
      throw fail(
        `\`${dialect.start}\` and \`length\` must be whole numbers whose sum is at most ${Number.MAX_SAFE_INTEGER}`,
      );
    }
    if (meaning.wanted) {
      append(extents, extent);
    }
  }
  return extents;
}

/** Refuses missing fields, and unknown ones: they may change the meaning of the others. */
function checkFields(
  { fields }: Entry,
  { tool, required, optional }: Dialect,
  fail: (what: string) => Error,
): void {
  const missing = required.find((name) => !Object.hasOwn(fields, name));
  if (missing !== undefined) {
    throw fail(`this entry of \`${tool}\` lacks the field \`${missing}\``);
  }
  const unknown = Object.keys(fields).find((name) => ![...required, ...optional].includes(name));
  if (unknown !== undefined) {
    throw fail(`unknown field ${shown(unknown)} in an entry of \`${tool}\``);
  }
}

/**
 * Interprets an entry of qemu-img. Depth 0 is the image itself; greater depths are its backing files. Versions before 6.1 have
 * no field `present`: there, data and known zeros are present.
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
