// Every test is where `npm test` looks for it.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PROJECT } from "../support/programs/cli.ts";

test("no test lies deeper than in a folder of __test__", () => {
  const files = readdirSync(join(PROJECT, "__test__"), { recursive: true, encoding: "utf8" });
  const tests = files.filter((file) => file.endsWith(".test.ts"));
  assert.ok(tests.length > 100);
  assert.deepEqual(
    tests.filter((file) => file.split("/").length !== 2),
    [],
  );
});
