import { ExitCode } from "../errors/exit-codes.ts";
import { isBytes } from "../native/names.ts";
import { BlockcopyError } from "./error.ts";
import { OPTION_NAMES } from "./option-names.ts";

/** Names of the operations. */
type OperationName = keyof typeof OPTION_NAMES;

/** The command that does an operation, and the options that it always has. */
const COMMANDS: Readonly<Record<OperationName, readonly [string, ...string[]]>> = {
  sync: ["sync"],
  compare: ["compare"],
  checksum: ["checksum"],
  root: ["checksum", "--root"],
  retrieve: ["retrieve"],
  save: ["save"],
};

/**
 * Returns the arguments that run the command for an operation. The command itself checks the values of the options.
 *
 * @param operands names of files and devices
 * @throws BlockcopyError for options that the operation does not have, and for values that no argument can have
 */
export function wordsFor(
  operation: OperationName,
  options: object,
  operands: readonly unknown[],
): string[] {
  const given: [string, unknown][] = Object.entries(options);
  return [
    ...COMMANDS[operation],
    "--embedded",
    ...given.flatMap(([name, value]) => optionWord(operation, name, value)),
    "--",
    ...operands.map((operand) => operandWord(operation, operand)),
  ];
}

function optionWord(operation: OperationName, name: string, value: unknown): string[] {
  const { flags, values }: { flags: readonly string[]; values: readonly string[] } =
    OPTION_NAMES[operation];
  const isFlag = flags.includes(name);
  if (!isFlag && !values.includes(name)) {
    throw usage(`${operation} has no option ${JSON.stringify(name)}`, "leave it out");
  }
  const option = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (value === undefined || (isFlag && value === false)) {
    return [];
  }
  if (isFlag && value === true) {
    return [option];
  }
  if (name === "bwlimit" && typeof value === "number") {
    throw usage(
      `the option bwlimit of ${operation} is a number without a unit: ${value}`,
      'give a string with a unit, as "20M"',
    );
  }
  if (!isFlag && (typeof value === "string" || typeof value === "number")) {
    return [checked(`${option}=${value}`)];
  }
  throw usage(
    `the option ${name} of ${operation} cannot be a value of type ${value === null ? "null" : typeof value}`,
    isFlag ? "give true or false" : "give a string or a number",
  );
}

function operandWord(operation: OperationName, operand: unknown): string {
  if (typeof operand !== "string" || operand === "") {
    throw usage(`${operation} needs the name of a file or device`, "give it as a string");
  }
  if (operand === "-") {
    throw usage(
      "- is standard input on a command line, and the library has none",
      "give ./- for a file with this name",
    );
  }
  return checked(operand);
}

/**
 * Refuses a signal or an input stream of another kind, before anything is started.
 *
 * @throws BlockcopyError
 */
export function refuseMistaken(given: { signal?: unknown; input?: unknown }): void {
  const { signal, input } = given;
  if (signal !== undefined && !has(signal, "addEventListener")) {
    throw usage("the option signal is no AbortSignal", "give that of an AbortController");
  }
  // An input that is undefined has been forgotten.
  if ("input" in given && !has(input, Symbol.asyncIterator)) {
    throw usage(
      "the option input is neither a readable stream nor an async iterable",
      "give the output of another operation, or a stream of Node",
    );
  }
}

function has(value: unknown, method: string | symbol): boolean {
  return typeof (value as Record<string | symbol, unknown> | null)?.[method] === "function";
}

/** Refuses a word with a zero byte, or one that Node cannot pass to a program. */
function checked(word: string): string {
  if (word.includes("\0")) {
    throw usage(`${JSON.stringify(word)} has a zero byte`, "give a name without it");
  }
  if (isBytes(word)) {
    throw usage(
      `${JSON.stringify(word)} is not Unicode, and Node passes on nothing else`,
      "make a link to the file with another name",
    );
  }
  return word;
}

function usage(message: string, advice: string): BlockcopyError {
  return new BlockcopyError(message, { code: "USAGE", exitCode: ExitCode.usage, advice });
}
