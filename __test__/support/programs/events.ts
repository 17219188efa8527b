// The events of `sync --json`, as docs/events.md describes them: its tables are the schema.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEvent } from "../../../src/ui/programs/parse-event.ts";
import { PROJECT } from "./cli.ts";

/** An event: what it is, and its fields. */
export type Event =
  | { event: "begin"; total: number | null }
  | { event: "progress"; done: number; limit: { what: string } | null }
  | { event: "error"; message: string; advice: string; code: number }
  | { event: "end"; summary: Record<string, unknown> }
  | { event: "map"; length: number; bucket: number; changed: number[] }
  | { event: "hello" | "aside" | "warning" };

/** The types of the fields of each event, by its name and by theirs, with dots. */
const schema = new Map<string, Map<string, string>>();
for (const section of readFileSync(join(PROJECT, "docs/events.md"), "utf8").split(/^## /m)) {
  const [name = ""] = section.split("\n");
  const rows = Array.from(section.matchAll(/^\| `([\w.]+)` +\| (.*?) +\|/gm));
  if (rows.length > 0)
    schema.set(name, new Map(rows.map(([, field = "", type = ""]) => [field, type])));
}

/** The events that were written, each as the documentation has it. */
export function readEvents(stdout: Buffer): Event[] {
  const lines = stdout.toString().split("\n");
  assert.equal(lines.pop(), "", "the last line has an end");
  return lines.map((line) => {
    const { event, ...fields } = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual(parseEvent(line), { event, ...fields }, "as the schema in the code has it");
    const types = schema.get(String(event));
    assert.ok(types, `no such event is documented: ${line}`);
    assertFields(fields, types, "", line);
    return { event, ...fields } as Event;
  });
}

const OPTIONAL = "optional ";

/** Asserts that an object has the documented fields and no others. An optional field may be missing. */
function assertFields(
  object: Record<string, unknown>,
  types: ReadonlyMap<string, string>,
  prefix: string,
  line: string,
): void {
  const isThere = (name: string): boolean =>
    !types.get(name)?.startsWith(OPTIONAL) || name.slice(prefix.length) in object;
  const names = [...types.keys()].filter(
    (name) => name.startsWith(prefix) && !name.slice(prefix.length).includes(".") && isThere(name),
  );
  assert.deepEqual(
    Object.keys(object)
      .map((name) => prefix + name)
      .toSorted(),
    names.toSorted(),
    line,
  );
  for (const name of names) {
    const value = object[name.slice(prefix.length)];
    const type = (types.get(name) ?? "").replace(OPTIONAL, "");
    assert.ok(
      type.split(" or ").some((one) => isOf(one, value)),
      `${name} is no ${type}: ${line}`,
    );
    if (type.startsWith("object") && value !== null)
      assertFields(value as Record<string, unknown>, types, `${name}.`, line);
  }
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case "integer":
      return Number.isSafeInteger(value) && Number(value) >= 0;
    case "array of integers":
      return Array.isArray(value) && value.every((one) => isOf("integer", one));
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "null":
      return value === null;
    case "number":
    case "string":
    case "boolean":
      return typeof value === type;
    default:
      assert.match(type, /^"\w+"$/, "a type that the test does not know");
      return value === JSON.parse(type);
  }
}
