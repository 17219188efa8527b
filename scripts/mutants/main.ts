// Changes the program in thousands of small ways, and sees that a test fails for each: `npm run test:mutants`.
import { parseArgs } from "node:util";
import { tryAll } from "./campaign.ts";
import { rustCampaign } from "./rust/campaign.ts";
import { typeScriptCampaign } from "./typescript/campaign.ts";

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
  let survivors = 0;
  if ((rust || both) && !only.startsWith("src")) survivors += tryAll(rustCampaign(), only);
  if ((typescript || both) && !only.startsWith("crates"))
    survivors += tryAll(await typeScriptCampaign(only), only);
  if (survivors > 0) {
    console.log(
      `${survivors} mutants survive: kill them with a test, or exclude them with a reason`,
    );
    process.exitCode = 1;
  }
}
