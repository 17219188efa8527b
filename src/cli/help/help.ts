import { isTerminal } from "../../ui/is-terminal.ts";
import { VERSION } from "../../native/installation.ts";
import { describeCommands, describeNamed } from "../commands.ts";
import { ENVIRONMENT } from "../manual-tables/environment.ts";
import { EXIT_CODES } from "../manual-tables/exit-codes.ts";
import { IGNORED_SIGNALS, SIGNALS } from "../manual-tables/signals.ts";
import { paragraph, table } from "./layout.ts";
import { BUILT_IN, type CommandHelp, type ShownOption, signature, synopsis } from "./schema.ts";

const USUAL_COLUMNS = 80;
const LEAST_COLUMNS = 40;

const SUMMARY = "copy large files and block devices, sending only the blocks that differ";

const START = `Make /dev/vg/copy equal to /dev/vg/disk of another host:
  $ blockcopy sync root@host:/dev/vg/disk /dev/vg/copy`;

const STAGES = `The same in three stages; any of them can be blockcopy 0.0.2:
  $ blockcopy checksum /dev/vg/copy | ssh root@host blockcopy retrieve /dev/vg/disk |
      blockcopy save /dev/vg/copy`;

/** Makes the text that `blockcopy` without a command prints. */
export async function overview(): Promise<string> {
  const commands = (await describeCommands()).map(({ name, summary }) => [name, summary] as const);
  const builtIn = BUILT_IN.map(({ words, summary }) => [words, summary] as const);
  return [
    `blockcopy ${VERSION} - ${SUMMARY}`,
    `Usage: blockcopy COMMAND [OPTIONS] ...`,
    table([...commands, ...builtIn], columns()),
    START,
  ].join("\n\n");
}

/** Makes the text of `blockcopy help`. */
export async function helpOnProgram(): Promise<string> {
  const width = columns();
  const commands = (await describeCommands()).map(
    (command) => [synopsis(command), command.summary] as const,
  );
  const builtIn = BUILT_IN.map(({ words, summary }) => [`blockcopy ${words}`, summary] as const);
  const usage = [...commands, ...builtIn].map(
    ([line, summary]) => `  ${line}\n${paragraph(summary, width, "      ")}`,
  );
  return [
    `blockcopy ${VERSION} - ${SUMMARY}`,
    `Usage:\n${usage.join("\n")}`,
    `${START}\n\n${STAGES}`,
    `Environment:\n${table(ENVIRONMENT, width)}`,
    `Signals:\n${table(SIGNALS, width)}\n\n${paragraph(IGNORED_SIGNALS, width)}`,
    `Exit codes:\n${table(EXIT_CODES, width)}`,
  ]
    .join("\n\n")
    .concat("\n");
}

/** Makes the help on a command; undefined if there is no such command for people. */
export async function helpOn(name: string): Promise<string | undefined> {
  const command = await describeNamed(name);
  return command === undefined ? undefined : commandHelp(command, columns());
}

function commandHelp(command: CommandHelp, width: number): string {
  const { name, summary, paragraphs, sections, examples } = command;
  return [
    paragraph(`blockcopy ${name} - ${summary}`, width),
    `Usage: ${synopsis(command)}`,
    ...paragraphs.map((text) => paragraph(text, width)),
    ...sections.map(({ title, options }) => `${title}:\n${table(options.map(optionEntry), width)}`),
    `Examples:\n${examples
      .map(([purpose, words]) => `${paragraph(`${purpose}:`, width, "  ")}\n    $ ${words}`)
      .join("\n")}`,
  ]
    .join("\n\n")
    .concat("\n");
}

/** Long options line up, also those without a short form. */
function optionEntry(option: ShownOption): [string, string] {
  const names = signature(option);
  return [names.startsWith("--") ? `    ${names}` : names, option.text];
}

/** Returns the width of the terminal. Node only tells that of standard error, which is the same terminal unless it is redirected. */
function columns(): number {
  const width = (isTerminal(1) && process.stderr.columns) || USUAL_COLUMNS;
  return Math.max(width, LEAST_COLUMNS);
}
