import type { Command, CommandClass } from "../commands/command.ts";
import { type Declaration, type Field, fieldsOf } from "../commands/options/declare.ts";
import { readWords, type Word } from "./words.ts";

/** The words are not a command line of the command. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
  readonly words: readonly Word[];
  readonly declarations: readonly Declaration[];

  constructor(words: readonly Word[], declarations: readonly Declaration[]) {
    super("malformed command line");
    this.words = words;
    this.declarations = declarations;
  }
}

/** The option or operand does not take this value. */
export class ValueError extends Error {
  override readonly name = "ValueError";
}

/**
 * Reads the words after the name of a command. If an option is given several times, the last one counts.
 *
 * @throws MalformedError, ValueError
 */
export function parse(commandClass: CommandClass, words: readonly string[]): Command {
  const command = new commandClass();
  const fields = fieldsOf(command);
  const read = readWords(words, fields);
  const operands = fields.filter(({ names }) => names.length === 0);
  const given = read.flatMap((word) => (word.is === "operand" ? [word.text] : []));
  const required = operands.filter(({ isOptional }) => isOptional !== true);
  const isComplete = required.length <= given.length && given.length <= operands.length;
  if (!isComplete || read.some(isFaulty)) {
    throw new MalformedError(read, fields);
  }
  for (const field of fields) {
    const text = given[operands.indexOf(field)];
    const value = field.names.length === 0 ? operandValue(field, text) : optionValue(field, read);
    Object.assign(command, { [field.key]: value });
  }
  return command;
}

function isFaulty(word: Word): boolean {
  return word.is === "unknown" || (word.is === "option" && word.value === undefined);
}

function operandValue(field: Field, text: string | undefined): unknown {
  return text === undefined ? field.initial : valueOf(field, text);
}

function optionValue(field: Field, words: readonly Word<Field>[]): unknown {
  const last = words.filter((word) => "option" in word && word.option === field).at(-1);
  switch (last?.is) {
    case "flag":
      return last.on;
    case "option":
      return valueOf(field, last.value ?? "");
    default:
      return field.initial;
  }
}

/** Reads the value of an option or operand. */
function valueOf({ kind, names }: Field, text: string): unknown {
  try {
    return kind?.read(text);
  } catch (error) {
    // The long name comes last.
    const name = names.at(-1) ?? kind?.name;
    throw new ValueError(`invalid value for ${name}: ${(error as Error).message}`);
  }
}
