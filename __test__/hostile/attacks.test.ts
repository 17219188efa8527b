// Some attacks on each command: `npm run fuzz` goes on with others.
import { test } from "node:test";
import { lacking } from "../support/programs/tools.ts";
import { ATTACKS, carryOut } from "./attacks/all.ts";

/** Seeds whose attacks get far: most have a sound stream, some a damaged one. */
const SEEDS = [1, 2, 3];

for (const name of Object.keys(ATTACKS))
  test(
    `${name}: nothing else is written, and it ends as documented`,
    { skip: lacking("time", "xz") },
    async () => {
      for (const seed of SEEDS) await carryOut(name, seed);
    },
  );
