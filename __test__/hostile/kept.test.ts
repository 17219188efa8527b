// Every decoder with the inputs that a fuzzer has found worth keeping: see `npm run fuzz`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keptFile, readInputs } from "./kept.ts";
import { TARGETS } from "./targets/all.ts";

for (const { name, seeds, check } of TARGETS)
  test(`${name}: no kept input breaks a promise`, async () => {
    const inputs = [...seeds(), ...readInputs(keptFile(name))];
    assert.ok(inputs.length > 0);
    for (const [index, input] of inputs.entries())
      try {
        await check(input);
      } catch (error) {
        assert.fail(`input ${index}, ${Buffer.from(input).toString("hex")}: ${String(error)}`);
      }
  });
