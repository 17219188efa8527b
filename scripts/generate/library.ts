import { format } from "prettier";
import type { CommandHelp, ShownOption } from "../../src/cli/help/schema.ts";

const NOTE = "// Made by `npm run generate` from the commands in src/commands.\n";

const WIDTH = 100;

/** Options that decide how files are read, whatever is done with them. */
const READING = ["direct", "threads", "queueDepth", "digest", "blockSize", "verbose"];

/** An operation of the library. */
interface Operation {
  name: string;
  /** The command that does it. */
  command: string;
  /** Its options, unless it has all that the command has for programs. */
  only?: readonly string[];
  /** Fields of its options that are not from the command line. */
  own: readonly string[];
}

const INPUT =
  "/** The stream to read: one of Node, such as the `output` of another operation, or any source of bytes. */\ninput: Readable | AsyncIterable<Uint8Array>;";

const OPERATIONS: readonly Operation[] = [
  { name: "sync", command: "sync", own: [] },
  { name: "compare", command: "compare", own: [] },
  { name: "checksum", command: "checksum", own: [] },
  {
    name: "root",
    command: "checksum",
    only: READING,
    own: ["/** Only the root digest. */\nroot: true;"],
  },
  { name: "retrieve", command: "retrieve", own: [INPUT] },
  { name: "save", command: "save", own: [INPUT] },
];

/** Makes src/library/options.ts: the types of the options. */
export function optionTypes(commands: readonly CommandHelp[]): Promise<string> {
  const interfaces = OPERATIONS.map((operation) => {
    const { name, own } = operation;
    // A copy to several destinations is not in the library: it has one of each operand.
    const { operands } = commandOf(operation, commands);
    // The two ends of a comparison are arguments of the function.
    const files = name === "compare" ? [] : operands.map(({ kind }) => operandField(kind?.name));
    const options = optionsOf(operation, commands).map(optionField);
    const title = `/** Options of \`${name === "root" ? "checksum` for the root digest" : `${name}\``}. */`;
    const fields = [...files, ...own, ...options].join("\n");
    return `${title}\nexport interface ${capital(name)}Options extends Control {\n${fields}\n}\n`;
  });
  const imports = `import type { Readable } from "node:stream";\n\nimport type { Control } from "./types.ts";\n`;
  return formatted([NOTE + imports, ...interfaces].join("\n"));
}

/** Makes src/library/option-names.ts: the names of the options, by whether they take a value. */
export function optionNames(commands: readonly CommandHelp[]): Promise<string> {
  const tables = OPERATIONS.map((operation) => {
    const options = optionsOf(operation, commands);
    const names = (isFlag: boolean): string[] =>
      options.filter(({ kind }) => (kind === undefined) === isFlag).map(nameOf);
    return `${operation.name}: ${JSON.stringify({ flags: names(true), values: names(false) })}`;
  });
  const about = "/** The options of each operation: those that take no value, and the others. */";
  return formatted(
    `${NOTE}\n${about}\nexport const OPTION_NAMES = {${tables.join(",\n")}} as const;`,
  );
}

function commandOf({ command }: Operation, commands: readonly CommandHelp[]): CommandHelp {
  const found = commands.find(({ name }) => name === command);
  if (found === undefined) throw new Error(`there is no command ${command}`);
  return found;
}

/** Returns the options that have a long name and are not for a terminal. */
function optionsOf(operation: Operation, commands: readonly CommandHelp[]): ShownOption[] {
  const { only } = operation;
  const all = commandOf(operation, commands)
    .sections.flatMap(({ options }) => options)
    .filter((option) => longName(option) !== undefined && option.isForTerminal !== true);
  const missing = only?.filter((name) => !all.some((option) => nameOf(option) === name)) ?? [];
  if (missing.length > 0) throw new Error(`${operation.command} has no ${missing.join(", ")}`);
  return all.filter((option) => only?.includes(nameOf(option)) ?? true);
}

function longName({ names }: ShownOption): string | undefined {
  return names.find((name) => name.startsWith("--") && name !== "--help");
}

/** Returns the name in the library: `blockSize` for `--block-size`. */
function nameOf(option: ShownOption): string {
  const long = longName(option) ?? "";
  return long.slice(2).replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function optionField(option: ShownOption): string {
  return `/** ${option.text}. */\n${nameOf(option)}?: ${typeOf(option)} | undefined;`;
}

function typeOf({ kind }: ShownOption): string {
  if (kind === undefined) return "boolean";
  return kind.type ?? kind.words?.map((word) => JSON.stringify(word)).join(" | ") ?? "string";
}

function operandField(name = ""): string {
  return `/** ${name}, as on the command line. */\n${name.toLowerCase()}: string;`;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function formatted(text: string): Promise<string> {
  return format(text, { parser: "typescript", printWidth: WIDTH });
}
