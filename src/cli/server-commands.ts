import { type Declaration, declarationsOf } from "../commands/options/declare.ts";
import { isCommand, operandOf, shownOperand } from "../commands/server-command.ts";
import { isBytes } from "../native/names.ts";
import { loadCommand } from "./commands.ts";

/** Commands whose operands can be commands for servers. */
const TAKING: readonly string[] = ["sync", "compare"];

/**
 * Joins the words of each command for a server, `[ WORDS… ]`, into one operand.
 *
 * @param name the command of this program
 * @param argv all words, with that command
 * @throws Error for a command that is not complete, or not possible
 */
export async function joinServerCommands(name: string, argv: readonly string[]): Promise<string[]> {
  const command = await loadCommand(name);
  if (command === undefined || (!TAKING.includes(name) && !argv.includes("]"))) {
    return [...argv];
  }
  const declarations = declarationsOf(command);
  const joined: string[] = [];
  let words = [...argv];
  let areOptions = true;
  while (words.length > 0) {
    const [word = "", ...after] = words;
    if (word === "[") {
      const end = after.indexOf("]");
      refuseServer(name, after, end);
      joined.push(operandOf(after.slice(0, end)));
      words = after.slice(end + 1);
      continue;
    }
    refuseSecondEnd(word, joined);
    refuseFar(word, after);
    areOptions &&= word !== "--";
    const length = areOptions && takesValue(word, declarations) ? 2 : 1;
    joined.push(...words.slice(0, length));
    words = words.slice(length);
  }
  return joined;
}

function takesValue(word: string, declarations: readonly Declaration[]): boolean {
  return declarations.some(({ names, kind }) => kind !== undefined && names.includes(word));
}

/** @param end the place of `]` among the words after `[`; negative if it is missing */
function refuseServer(name: string, after: readonly string[], end: number): void {
  if (end < 0) {
    throw new Error(
      "`[` begins the command of a server, and `]` is missing at its end; for a file of this name, give ./[",
    );
  }
  if (!TAKING.includes(name)) {
    throw new Error(
      `\`${name}\` starts no server: start it yourself, and give the URI of its export, or use \`blockcopy sync\``,
    );
  }
  const command = after.slice(0, end);
  const bytes = command.find(isBytes);
  if (bytes !== undefined) {
    throw new Error(`${bytes} is not UTF-8, and a word of the command of a server must be`);
  }
  const [program = ""] = command;
  if (program === "" || program.startsWith("-")) {
    throw new Error("the command of a server begins with a program, as in `[ nbdkit memory 1G ]`");
  }
}

/** Refuses a `]` after a command that has ended already: what belongs to that would be taken for operands. */
function refuseSecondEnd(word: string, before: readonly string[]): void {
  const command = before.find(isCommand);
  if (word === "]" && command !== undefined) {
    throw new Error(
      `the first word \`]\` has ended the command, as \`${shownOperand(command)}\`, and another follows: put a command with such a word into quotes, as in \`[ sh -c 'COMMAND' ]\`; for a file of this name, give ./]`,
    );
  }
}

/** Refuses the beginning of a command after the name of a host. */
function refuseFar(word: string, after: readonly string[]): void {
  if (/^[^/]+:\[$/.test(word) && after.includes("]")) {
    const host = word.slice(0, -1);
    throw new Error(
      `a server is started on this host only, and ${word} names another: start it there, and give the URI of its export, as ${host}nbd://localhost`,
    );
  }
}
