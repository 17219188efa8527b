import { format } from "prettier";
import { type Entry, paragraph } from "../../src/cli/help/layout.ts";
import {
  type CommandHelp,
  type ShownOption,
  signature,
  synopsis,
} from "../../src/cli/help/schema.ts";
import { ENVIRONMENT } from "../../src/cli/manual-tables/environment.ts";
import { EXIT_CODES } from "../../src/cli/manual-tables/exit-codes.ts";
import { FILES } from "../../src/cli/manual-tables/files.ts";
import { IGNORED_SIGNALS, SIGNALS } from "../../src/cli/manual-tables/signals.ts";

const WIDTH = 110;

/** Makes docs/reference.md. */
export function reference(commands: readonly CommandHelp[]): Promise<string> {
  const parts = [
    "<!-- Made by `npm run generate` from the commands in src/commands. -->",
    "# Reference",
    wrapped(
      "All commands with their options, exit codes, signals, environment variables and files. The [manual](manual.md) says what to use them for; `blockcopy help COMMAND` and `man blockcopy` show the same in a terminal.",
    ),
    ...commands.flatMap(commandParts),
    "## Exit codes",
    wrapped(
      "After a failure, the last line on standard error is `ERROR (COMMAND): WHAT AND WHERE; WHAT TO DO`. In a pipeline of stages, the first from the left whose code is neither 0 nor 141 has the cause. `sync` ends with the code of the stage that failed, and names its host.",
    ),
    list(EXIT_CODES),
    "## Signals",
    list(SIGNALS),
    wrapped(IGNORED_SIGNALS),
    "## Environment",
    list(ENVIRONMENT),
    "## Files",
    list(FILES),
  ];
  return format(parts.join("\n\n"), { parser: "markdown", printWidth: WIDTH });
}

function commandParts(command: CommandHelp): string[] {
  const { name, summary, paragraphs, sections, examples } = command;
  return [
    `## blockcopy ${name}`,
    wrapped(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`),
    `    ${synopsis(command)}`,
    ...paragraphs.map(wrapped),
    ...sections.flatMap(({ title, options }) => [
      `### ${name}: ${title}`,
      list(options.map(entry)),
    ]),
    `### ${name}: Examples`,
    ...examples.flatMap(([purpose, words]) => [
      `${wrapped(purpose)}:`,
      `    ${words.replaceAll(" | ", " |\n      ")}`,
    ]),
  ];
}

function entry(option: ShownOption): Entry {
  return [signature(option), option.text];
}

function list(entries: readonly Entry[]): string {
  return entries
    .map(([term, text]) => paragraph(`- **\`${term}\`**: ${text}`, WIDTH, "  ").slice(2))
    .join("\n");
}

function wrapped(text: string): string {
  return paragraph(text, WIDTH);
}
