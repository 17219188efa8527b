// The fuzzers have a lock file of their own. What they try must be what is shipped.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PROJECT } from "../support/programs/cli.ts";

/** The libraries of a lock file of Cargo, each with its versions. */
function libraries(lock: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const entries = readFileSync(join(PROJECT, lock), "utf8").matchAll(
    /^name = "(.*)"\nversion = "(.*)"/gm,
  );
  for (const [, name = "", version = ""] of entries)
    found.set(name, [...(found.get(name) ?? []), version]);
  return found;
}

test("the fuzzers are built with the libraries of the engine", () => {
  const shipped = libraries("Cargo.lock");
  const common = [...libraries("fuzz/Cargo.lock")].filter(([name]) => shipped.has(name));
  assert.ok(common.length > 50, "the lock files have another form");
  const others = common.filter(([name, versions]) =>
    versions.some((version) => shipped.get(name)?.includes(version) !== true),
  );
  assert.deepEqual(others, [], "`cargo update --manifest-path fuzz/Cargo.toml -p NAME --precise`");
});
