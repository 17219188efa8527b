import { readFileSync } from "node:fs";
import type { Entry } from "../../src/cli/help/layout.ts";
import { BUILT_IN, type CommandHelp, signature, synopsis } from "../../src/cli/help/schema.ts";
import { ENVIRONMENT } from "../../src/cli/manual-tables/environment.ts";
import { EXIT_CODES } from "../../src/cli/manual-tables/exit-codes.ts";
import { FILES } from "../../src/cli/manual-tables/files.ts";
import { IGNORED_SIGNALS, SIGNALS } from "../../src/cli/manual-tables/signals.ts";

const { version, description } = JSON.parse(readFileSync("package.json", "utf8")) as {
  version: string;
  description: string;
};

/** Makes blockcopy(1), in the language of man(7). */
export function programPage(commands: readonly CommandHelp[]): string {
  return [
    title("blockcopy"),
    section("NAME", `blockcopy \\- ${roff(lowered(description))}`),
    section(
      "SYNOPSIS",
      ...commands.map((command) => `${bold(synopsis(command))}\n.br`),
      ...BUILT_IN.map(({ words }) => `${bold(`blockcopy ${words}`)}\n.br`),
    ),
    section(
      "COMMANDS",
      ...commands.map(commandEntry),
      ...BUILT_IN.map(({ name, summary }) => entry([`blockcopy ${name}`, summary])),
    ),
    section("ENVIRONMENT", ...ENVIRONMENT.map(entry)),
    section("FILES", ...FILES.map(entry)),
    section("SIGNALS", ...SIGNALS.map(entry), ".PP", roff(IGNORED_SIGNALS)),
    section("EXIT STATUS", ...EXIT_CODES.map(entry)),
    section("SEE ALSO", seeAlso(commands)),
    "",
  ].join("\n");
}

/** Makes the page on a command. */
export function commandPage(command: CommandHelp, commands: readonly CommandHelp[]): string {
  const { name, summary, paragraphs, sections, examples } = command;
  const others = commands.filter((other) => other !== command);
  return [
    title(`blockcopy-${name}`),
    section("NAME", `blockcopy\\-${name} \\- ${roff(summary)}`),
    section("SYNOPSIS", bold(synopsis(command))),
    section("DESCRIPTION", paragraphs.map(roff).join("\n.PP\n")),
    section(
      "OPTIONS",
      ...sections.flatMap(({ title: heading, options }) => [
        `.SS ${roff(heading)}`,
        ...options.map((option) => entry([signature(option), option.text])),
      ]),
    ),
    section(
      "EXAMPLES",
      ...examples.map(
        ([purpose, words]) => `.PP\n${roff(purpose)}:\n.PP\n.RS 4\n.nf\n${roff(words)}\n.fi\n.RE`,
      ),
    ),
    section("SEE ALSO", `.BR blockcopy (1),\n${seeAlso(others)}`),
    "",
  ].join("\n");
}

/** Begins a page. It has no date, which would have to be changed by hand. */
function title(page: string): string {
  return `.\\" Made by \`npm run generate\` from the commands in src/commands.\n.TH ${page.toUpperCase().replaceAll("-", "\\-")} 1 "" "blockcopy ${version}" "blockcopy"\n.nh\n.ad l`;
}

function section(heading: string, ...lines: readonly string[]): string {
  return [`.SH ${heading}`, ...lines].join("\n");
}

function commandEntry({ name, summary }: CommandHelp): string {
  return `.TP\n.BR blockcopy\\-${name} (1)\n${roff(summary)}`;
}

function entry([term, text]: Entry): string {
  return `.TP\n${bold(term)}\n${roff(text)}`;
}

function seeAlso(commands: readonly CommandHelp[]): string {
  return commands.map(({ name }) => `.BR blockcopy\\-${name} (1)`).join(",\n");
}

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

/** Makes a line of text; what stands between backquotes is bold. A dot or quote at its start would begin a request. */
function roff(text: string): string {
  const line = escaped(text).replaceAll(/`([^`]*)`/g, "\\fB$1\\fR");
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replaceAll("'", "\\(aq");
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
