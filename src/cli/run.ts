// Imports little: what reads a command line is loaded once there is a command.
import type { Command, CommandClass } from "clipanion";

import { ExitCode } from "../errors/exit-codes.ts";
import { givenWords } from "../native/arguments.ts";
import { VERSION } from "../native/installation.ts";
import { printLine } from "../ui/stderr.ts";
import { printAnswer } from "./answer.ts";
import { loadCommand } from "./commands.ts";

/** Reports a mistake in the command line of a command, and returns the exit code. */
type Refuse = (command: string, what: string) => number | Promise<number>;

/** Runs the command that `words` name and returns the exit code. Most commands end the process themselves. */
export async function run(words: string[]): Promise<number> {
  const name = words.find((word) => !word.startsWith("-"));
  const refuse = isForProgram(words, name) ? refuseByEvents : refuseByLine;
  let argv: string[];
  try {
    argv = await withoutBrackets(name, givenWords(words));
  } catch (error) {
    return refuse(name ?? "blockcopy", (error as Error).message);
  }
  const options = optionsIn(argv);
  if (options.includes("--version") || options.includes("-V") || argv[0] === "version") {
    return printAnswer(`blockcopy ${VERSION}\n`);
  }
  if (options.includes("--help") || options.includes("-h") || argv[0] === "help") {
    return printHelp(argv);
  }
  const command = name === undefined ? undefined : await loadCommand(name);
  if (name === undefined || command === undefined) {
    const { refuseProgram } = await import("./refusal/program.ts");
    return refuseProgram(argv);
  }
  return parseAndExecute(name, command, { argv, refuse });
}

/** Joins the commands of servers, which may contain words like those of this program. */
async function withoutBrackets(name: string | undefined, words: string[]): Promise<string[]> {
  const mayHave = words.includes("[") || words.includes("]");
  if (name === undefined || !mayHave || words.includes("--embedded")) {
    return words;
  }
  const { joinServerCommands } = await import("./server-commands.ts");
  return joinServerCommands(name, words);
}

async function parseAndExecute(
  name: string,
  commandClass: CommandClass,
  { argv, refuse }: { argv: string[]; refuse: Refuse },
): Promise<number> {
  const words = afterCommand(argv, name);
  const { parse } = await import("./parse.ts");
  let command: Command;
  try {
    command = parse(name, commandClass, words);
  } catch (error) {
    const { refusal } = await import("./refusal/refusal.ts");
    return refuse(name, refusal(error, commandClass, words));
  }
  return (await command.execute()) ?? ExitCode.success;
}

/** Prints help on the program, or on the command that is named. */
async function printHelp(argv: readonly string[]): Promise<number> {
  const [name] = argv.filter((word, at) => !word.startsWith("-") && !(at === 0 && word === "help"));
  const { helpOn, helpOnProgram } = await import("./help/help.ts");
  if (name === undefined || name === "help" || name === "version") {
    return printAnswer(await helpOnProgram());
  }
  const text = await helpOn(name);
  if (text === undefined) {
    const { refuseProgram } = await import("./refusal/program.ts");
    return refuseProgram([name]);
  }
  return printAnswer(text);
}

/** Returns the words that may be options: those before `--`. */
function optionsIn(words: readonly string[]): readonly string[] {
  return words.slice(0, words.includes("--") ? words.indexOf("--") : undefined);
}

/** Returns the words of a command line without the command. Options may stand before it, as with blockcopy 0.0.2. */
function afterCommand(argv: readonly string[], name: string): string[] {
  const at = argv.indexOf(name);
  return [...argv.slice(0, at), ...argv.slice(at + 1)];
}

function refuseByLine(command: string, what: string): number {
  const help = command === "blockcopy" ? "blockcopy --help" : `blockcopy ${command} --help`;
  printLine(`ERROR (${command}): ${what}${what.endsWith("?") ? "" : ";"} see \`${help}\``);
  return ExitCode.usage;
}

/** True if another program reads the messages. */
function isForProgram(words: readonly string[], name: string | undefined): boolean {
  const options = optionsIn(words);
  return name === "receive" || options.includes("--events") || options.includes("--embedded");
}

/** Tells the library, or `sync`, which may have a newer version, and is told which version this is. */
async function refuseByEvents(command: string, what: string): Promise<number> {
  const { eventLine, helloLine } = await import("../ui/event-lines.ts");
  const code = ExitCode.usage;
  printLine(helloLine());
  const advice = `give what \`blockcopy ${command}\` knows`;
  printLine(eventLine({ event: "error", message: what, advice, code, consequence: false }));
  return code;
}
