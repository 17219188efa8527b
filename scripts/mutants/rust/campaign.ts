import type { Campaign } from "../campaign.ts";
import { build, STATE } from "./build.ts";
import { listMutants, type RustMutant } from "./list.ts";
import { findTests, testsOf } from "./tests.ts";

/** Builds the crates with their mutants. */
export function rustCampaign(): Campaign<RustMutant> {
  const mutants = listMutants();
  const { unviable, unplaced, programs } = build(mutants);
  console.log(
    `${mutants.length} mutants: ${unviable.size} do not compile, ${unplaced.size} have no switch`,
  );
  const tests = findTests(programs, mutants);
  return {
    mutants,
    untried: new Set([...unviable, ...unplaced]),
    testsOf: (id) => testsOf(id, tests),
    state: STATE,
  };
}
