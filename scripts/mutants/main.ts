// Changes the program in thousands of small ways, and sees that a test fails for each: `npm run test:mutants`.
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { tryAll } from "./campaign.ts";
import { CRATES } from "./rust/build.ts";
import { rustCampaign } from "./rust/campaign.ts";
import { FOLDERS, typeScriptCampaign } from "./typescript/campaign.ts";

const USAGE = `Usage: npm run test:mutants -- [--rust | --typescript] [--only PATH]

  --rust        mutants of crates/blockio and crates/engine alone
  --typescript  mutants of src/protocol and src/stages alone
  --only PATH   mutants of one file, or of the files of a folder
`;

const { values } = parseArgs({
  options: {
    rust: { type: "boolean", default: false },
    typescript: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
} else {
  const { rust, typescript, only } = values;
  const both = rust === typescript;
  const crates = rust || both ? CRATES : [];
  const folders = typescript || both ? FOLDERS.map(({ code }) => code) : [];
  const triesRust = hasPath(crates, only);
  const triesTypeScript = hasPath(folders, only);
  if (!triesRust && !triesTypeScript)
    throw new Error(`--only ${only}: give a path in ${[...crates, ...folders].join(", ")}`);
  let survivors = 0;
  if (triesRust) survivors += tryAll(rustCampaign(), only);
  if (triesTypeScript) survivors += tryAll(await typeScriptCampaign(only), only);
  if (survivors > 0) {
    console.log(
      `${survivors} mutants survive: kill them with a test, or exclude them with a reason`,
    );
    process.exitCode = 1;
  }
}

/** True if a path exists in one of the folders, or is the beginning of one of their names. */
function hasPath(folders: readonly string[], path: string): boolean {
  return folders.some(
    (folder) => folder.startsWith(path) || (path.startsWith(`${folder}/`) && existsSync(path)),
  );
}
