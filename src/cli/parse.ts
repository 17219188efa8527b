import { Cli, type Command, type CommandClass } from "clipanion";

import { type Declaration, mayName } from "../commands/options/declare.ts";

/**
 * Reads the words after the name of a command.
 *
 * @throws Error if the command does not take them
 */
export function parse(name: string, command: CommandClass, words: readonly string[]): Command {
  const parsed = readAny(name, command, words);
  refuseLostValue(parsed, command, words);
  (parsed as Partial<CheckedCommand>).checkOperands?.();
  return parsed;
}

function readAny(name: string, command: CommandClass, words: readonly string[]): Command {
  try {
    return read(name, withOptionsIn(words, command), words);
  } catch {
    return read(name, command, words);
  }
}

/** Refuses an option with a value in one word with other short options: clipanion takes its value for an operand. */
function refuseLostValue(parsed: Command, command: CommandClass, words: readonly string[]): void {
  if (!words.some((word) => /^-[a-zA-Z]{2}/.test(word))) {
    return;
  }
  const given = fieldsOf(parsed) as Record<string, unknown>;
  for (const [key, field] of Object.entries(fieldsOf(new (command as Concrete)()))) {
    if (field?.declaration?.kind !== undefined && given[key] === true) {
      throw new Error("an option has lost its value");
    }
  }
}

function read(name: string, command: CommandClass, words: readonly string[]): Command {
  return Cli.from([command], { binaryName: "blockcopy" }).process([name, ...words]);
}

/**
 * Returns a command without the options that none of its words can name: clipanion takes a fifth of a millisecond for each, used
 * or not. What it reads is the same, because an option that is not named has no effect; what it refuses has to be read again.
 */
function withOptionsIn(words: readonly string[], command: CommandClass): CommandClass {
  return class extends (command as Concrete) {
    constructor() {
      super();
      for (const [key, field] of Object.entries(fieldsOf(this))) {
        const names = field?.declaration?.names ?? [];
        if (names.length > 0 && !words.some((word) => mayName(word, names))) {
          Object.assign(this, { [key]: { ...field, definition: () => undefined } });
        }
      }
    }
  };
}

/** A command with operands that clipanion cannot check. */
interface CheckedCommand {
  /** @throws Error as clipanion would */
  checkOperands(): void;
}

/** A field of a command, until the command line has been read. */
interface Declared {
  declaration: Declaration;
}

function fieldsOf(command: object): Record<string, Partial<Declared> | undefined> {
  return command as never;
}

/** A command that can be run, whose class can be extended. */
type Concrete = new () => Command & { execute: () => Promise<number | void> };
