import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Campaign } from "../campaign.ts";
import { bundleTests, measureFile, measureTests, type TypeScriptTest } from "./tests.ts";
import { makeTree, STATE, type TypeScriptMutant } from "./tree.ts";

/** Folders whose code is changed, and the tests that try it: those of a protocol run in one process, the others start the program. */
export const FOLDERS = [
  { code: "src/protocol", tests: ["__test__/protocol"], alone: false },
  {
    code: "src/stages",
    tests: ["__test__/stages", "__test__/save", "__test__/digests", "__test__/ranges"],
    alone: true,
  },
] as const;

/** Most tests that try one mutant: the quickest of those that reach it. */
const MOST_TESTS = 12;

/** Mutants that no test can notice. */
interface Excluded {
  /** File and change, without the line. */
  readonly mutant: string;
  readonly why: string;
}

const EXCLUDED = "scripts/mutants/typescript/excluded.json";

/** Builds the program with the mutants of files whose paths begin with `only`. */
export async function typeScriptCampaign(only: string): Promise<Campaign<TypeScriptMutant>> {
  const chosen = FOLDERS.flatMap((folder) => {
    const code = filesOf(folder.code).filter((file) => file.startsWith(only));
    return code.length === 0 ? [] : [{ ...folder, code }];
  });
  const excluded = JSON.parse(readFileSync(EXCLUDED, "utf8")) as Excluded[];
  const names = new Set(excluded.map(({ mutant }) => mutant));
  const all = await makeTree(chosen.flatMap(({ code }) => code));
  const mutants = all.filter(({ name }) => !names.has(withoutPlace(name)));
  console.log(`${all.length} mutants: ${all.length - mutants.length} are excluded`);
  const tests: TypeScriptTest[] = [];
  for (const { tests: folders, alone } of chosen) {
    const files = folders
      .flatMap((folder) => filesOf(folder))
      .filter((file) => file.endsWith(".test.ts"));
    await bundleTests(files);
    tests.push(...files.flatMap((file) => (alone ? measureTests(file) : measureFile(file))));
  }
  tests.sort((one, other) => one.seconds - other.seconds);
  return {
    mutants,
    untried: new Set(),
    testsOf: (id) => tests.filter(({ reached }) => reached.has(id)).slice(0, MOST_TESTS),
    state: STATE,
  };
}

function filesOf(folder: string): string[] {
  return execFileSync("git", ["ls-files", folder], { encoding: "utf8" }).trim().split("\n");
}

/** The name of a mutant without the numbers of line and column, which change with the lines above. */
function withoutPlace(name: string): string {
  return name.replace(/:\d+:\d+: /, ": ");
}
