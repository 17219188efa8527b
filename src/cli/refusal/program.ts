import { ExitCode } from "../../errors/exit-codes.ts";
import { printLine } from "../../ui/stderr.ts";
import { COMMAND_NAMES } from "../commands.ts";
import { suggestion } from "./suggestion.ts";

const COPY = "to copy, use `blockcopy sync SOURCE DESTINATION`";

/** Commands of other programs, and what to use for them. */
const ELSEWHERE: ReadonlyMap<string, (pair: Pair) => string> = new Map([
  ...["cp", "copy", "clone", "mirror", "push", "pull"].map((name) => [name, () => COPY] as const),
  ...["diff", "cmp"].map((name) => [name, comparison] as const),
  ...["verify", "check"].map((name) => [name, verification] as const),
]);

/** The two files of a command line as a shell takes them, or placeholders. */
interface Pair {
  source: string;
  destination: string;
}

function pairOf(files: readonly string[]): Pair {
  const [source = "", destination = ""] = files;
  return files.length === 2
    ? { source: quoted(source), destination: quoted(destination) }
    : { source: "SOURCE", destination: "DESTINATION" };
}

function comparison({ source, destination }: Pair): string {
  return `to see what differs, use \`blockcopy compare ${source} ${destination}\`, which writes to neither`;
}

/** Names the ways to verify a copy, first the one that writes nothing. */
function verification(pair: Pair): string {
  const { source, destination } = pair;
  return `${comparison(pair)}; to copy and prove it, \`blockcopy sync --verify full ${source} ${destination}\` (writes ${destination})`;
}

/** Reports a command line without a known command, and returns the exit code. */
export async function refuseProgram(argv: readonly string[]): Promise<number> {
  const name = argv.find((word) => !word.startsWith("-"));
  if (name !== undefined) {
    return refuse(unknownCommand(name, argv.slice(argv.indexOf(name))));
  }
  const unknown = argv.find((word) => word !== "-v" && word !== "--verbose");
  if (unknown !== undefined) {
    const meant = suggestion(unknown, ["--help", "--version"]);
    const advice = meant === undefined ? "" : `did you mean \`${meant}\`? `;
    return refuse(`unknown option: ${unknown}; ${advice}see \`blockcopy help\``);
  }
  const { overview } = await import("../help/help.ts");
  for (const line of (await overview()).split("\n")) {
    printLine(line);
  }
  return refuse("no command given; see `blockcopy help`");
}

function unknownCommand(name: string, words: readonly string[]): string {
  const files = words.filter((word) => !word.startsWith("-"));
  const elsewhere = ELSEWHERE.get(name);
  if (elsewhere !== undefined) {
    return `unknown command: ${name}; ${elsewhere(pairOf(files.slice(1)))}`;
  }
  const [source = "", destination] = files;
  const copy =
    destination !== undefined && files.length === 2
      ? `to copy, use \`blockcopy sync ${quoted(source)} ${quoted(destination)}\``
      : undefined;
  if (copy !== undefined && isPath(source)) {
    return `no command given; ${copy}`;
  }
  const meant = suggestion(name, [...COMMAND_NAMES, "help", "version"]);
  const advice = meant === undefined ? copy && `${copy}; ` : `did you mean \`${meant}\`? `;
  return `unknown command: ${name}; ${advice ?? ""}see \`blockcopy help\``;
}

/** True if a word looks like the name of a file, here or on another host. */
function isPath(word: string): boolean {
  return /[/:.]/.test(word);
}

/** Quotes a word for a shell if it has to be. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function refuse(what: string): number {
  printLine(`ERROR (blockcopy): ${what}`);
  return ExitCode.usage;
}
