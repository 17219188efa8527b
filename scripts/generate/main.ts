// Writes docs/reference.md, the manual pages and the options of the library from the declarations of the commands.
// With --check it writes nothing, and fails if one of them is stale.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { describeCommands } from "../../src/cli/commands.ts";
import { optionNames, optionTypes } from "./library.ts";
import { commandPage, programPage } from "./man.ts";
import { reference } from "./reference.ts";

const MAN = "man";
const isCheck = process.argv[2] === "--check";

const commands = await describeCommands();
const files = new Map([
  ["docs/reference.md", await reference(commands)],
  ["src/library/options.ts", await optionTypes(commands)],
  ["src/library/option-names.ts", await optionNames(commands)],
  [`${MAN}/blockcopy.1`, programPage(commands)],
  ...commands.map(
    (command) => [`${MAN}/blockcopy-${command.name}.1`, commandPage(command, commands)] as const,
  ),
]);
mkdirSync(MAN, { recursive: true });
const surplus = readdirSync(MAN)
  .map((name) => `${MAN}/${name}`)
  .filter((name) => !files.has(name));
const stale = [...files].filter(([name, text]) => read(name) !== text).map(([name]) => name);
if (isCheck && stale.length + surplus.length > 0) {
  process.stderr.write(
    `not as the commands declare their options: ${[...stale, ...surplus].join(", ")}; run \`npm run generate\`\n`,
  );
  process.exitCode = 1;
} else if (!isCheck) {
  for (const [name, text] of files) writeFileSync(name, text);
  for (const name of surplus) rmSync(name);
}

function read(name: string): string | undefined {
  try {
    return readFileSync(name, "utf8");
  } catch {
    return undefined;
  }
}
