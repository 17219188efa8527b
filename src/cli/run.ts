import { writeSync } from "node:fs";

import { Cli, type Command, type CommandClass } from "clipanion";

import { ChecksumCommand } from "../commands/checksum.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { InspectCommand } from "../commands/inspect.ts";
import { joinMap } from "../commands/options/map-option.ts";
import { ReceiveCommand } from "../commands/receive.ts";
import { RetrieveCommand } from "../commands/retrieve.ts";
import { SaveCommand } from "../commands/save.ts";
import { SyncCommand } from "../commands/sync.ts";
import { VERSION } from "../native/installation.ts";
import { givenWords } from "../native/arguments.ts";
import { systemCode } from "../errors/stream-errors.ts";
import { eventLine, helloLine } from "../ui/event-lines.ts";
import { printLine } from "../ui/stderr.ts";
import { helpOn, overview } from "./help.ts";
import { refusal } from "./refusal.ts";

const STDOUT = 1;

const COMMANDS: ReadonlyMap<string, CommandClass> = new Map<string, CommandClass>([
  ["checksum", ChecksumCommand],
  ["retrieve", RetrieveCommand],
  ["save", SaveCommand],
  ["sync", SyncCommand],
  ["inspect", InspectCommand],
  ["receive", ReceiveCommand],
]);

/**
 * Runs the command that `words` name and returns the exit code. The commands of the stages end the process
 * themselves.
 */
export async function run(words: string[]): Promise<number> {
  const cli = Cli.from([...COMMANDS.values()], {
    binaryLabel: "blockcopy",
    binaryName: "blockcopy",
    binaryVersion: VERSION,
    enableColors: false,
  });
  const name = words.find((word) => !word.startsWith("-"));
  const stage = COMMANDS.get(name ?? "");
  const usageError = isForProgram(words, name) ? usageEvents : usageLine;
  let argv: string[];
  try {
    argv = givenWords(words);
  } catch (error) {
    return usageError(name ?? "blockcopy", refusal(error, name ?? "blockcopy", words));
  }
  if (argv.includes("--version")) {
    return answer(`blockcopy ${VERSION}\n`);
  }
  if ((argv.includes("--help") || argv.includes("-h")) && (name === undefined || stage)) {
    return answer(stage === undefined ? overview(cli) : helpOn(cli, stage));
  }
  if (name === undefined) {
    const unknown = argv.find((word) => word !== "-v" && word !== "--verbose");
    const what = unknown === undefined ? "no command given" : `unknown option: ${unknown}`;
    return usageError("blockcopy", what);
  }
  if (stage === undefined) {
    return usageError("blockcopy", `unknown command: ${name}`);
  }
  let command: Command;
  try {
    command = cli.process(joinMap(behindTheCommand(argv, name)));
  } catch (error) {
    return usageError(name, refusal(error, name, argv));
  }
  return (await command.execute()) ?? ExitCode.success;
}

/** Prints what was asked for. That whoever asked has gone, as `head` does, is not worth a message. */
function answer(text: string): number {
  try {
    writeSync(STDOUT, text);
    return ExitCode.success;
  } catch (error) {
    const code = systemCode(error);
    if (code === "EPIPE") {
      return ExitCode.readerGone;
    }
    printLine(`ERROR (blockcopy): cannot write to standard output: ${code}; check what it is`);
    return ExitCode.io;
  }
}

/** `-v` may stand before the command, as with blockcopy 0.0.2. */
function behindTheCommand(argv: string[], name: string): string[] {
  const at = argv.indexOf(name);
  return [name, ...argv.slice(0, at), ...argv.slice(at + 1)];
}

function usageLine(stage: string, what: string): number {
  const help = stage === "blockcopy" ? "blockcopy --help" : `blockcopy ${stage} --help`;
  printLine(`ERROR (${stage}): ${what}; see \`${help}\``);
  return ExitCode.usage;
}

/** Whether it is another program that reads what is said. */
function isForProgram(argv: string[], name: string | undefined): boolean {
  const options = argv.slice(0, argv.includes("--") ? argv.indexOf("--") : undefined);
  return name === "receive" || options.includes("--events");
}

/** For `sync`, which may be of a newer version, and is then told which one this is. */
function usageEvents(stage: string, what: string): number {
  const code = ExitCode.usage;
  printLine(helloLine());
  const advice = `give what \`blockcopy ${stage}\` knows`;
  printLine(eventLine({ event: "error", message: what, advice, code, consequence: false }));
  return code;
}
