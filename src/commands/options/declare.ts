import type { Command, CommandClass } from "../command.ts";

/** Headings that help lists options under, in this order. */
export const GROUPS = ["what", "safety", "attributes", "connection", "speed", "output"] as const;

export type Group = (typeof GROUPS)[number];

/** Kind of value that an option or operand takes. */
export interface Kind<T> {
  /** Its name in help and messages, as `OFFSET`. */
  readonly name: string;
  /**
   * Reads a value from text.
   *
   * @throws Error that says what is wrong with the text, and what to give
   */
  readonly read: (text: string) => T;
  /** Form that every value has. A word of another form was most likely meant for something else. */
  readonly form?: RegExp;
  /** Values to offer for completion. */
  readonly words?: readonly string[];
  /** Value to show in examples; its name, unless given. */
  readonly example?: string;
  /** True if it names a file of this host. */
  readonly isFile?: boolean;
  /** Its TypeScript type in the library, where that is not one of `words`, or any string. */
  readonly type?: string;
}

/** Text on an option. An option without one is for other programs, and no help has it. */
export interface OptionText {
  readonly group: Group;
  /** One or two sentences, without a full stop at the end. */
  readonly text: string;
  /** True if only a command line needs it: the library returns or leaves out what it prints. */
  readonly isForTerminal?: boolean;
}

/** An option or operand as a command declares it. */
export interface Declaration extends Partial<OptionText> {
  /** As `-t` and `--times`; an operand has none. */
  readonly names: readonly string[];
  /** Undefined for an option that takes no value. */
  readonly kind: Kind<unknown> | undefined;
  /** True for an operand that may be left out. */
  readonly isOptional?: boolean;
}

/** Content of a field of a command until the command line has been read. */
class Declared {
  readonly declaration: Declaration;
  /** Value of the field if the command line does not name the option or operand. */
  readonly initial: unknown;

  constructor(declaration: Declaration, initial: unknown) {
    this.declaration = declaration;
    this.initial = initial;
  }
}

/** Declares an option that takes no value. `names` are separated by commas. */
export function flag(names: string, text?: OptionText): boolean {
  return declared({ ...text, names: names.split(","), kind: undefined }, false);
}

/** Declares an option that takes a value, undefined if it is not given. */
export function value<T extends {}>(
  names: string,
  kind: Kind<T>,
  text?: OptionText,
): T | undefined {
  return declared({ ...text, names: names.split(","), kind }, undefined);
}

/** Declares an option that takes a value, `initial` if it is not given. */
export function valueOr<T extends string>(
  names: string,
  kind: Kind<T>,
  initial: T,
  text?: OptionText,
): T {
  return declared({ ...text, names: names.split(","), kind }, initial);
}

/** Declares an operand. Commands take their operands in the order of declaration. */
export function operand<T>(kind: Kind<T>): T {
  return declared({ names: [], kind }, undefined);
}

/** Declares an operand that may be left out. */
export function optionalOperand<T>(kind: Kind<T>): T | undefined {
  return declared({ names: [], kind, isOptional: true }, undefined);
}

/** An option or operand of a command, and the field that gets its value. */
export interface Field extends Declaration {
  readonly key: string;
  readonly initial: unknown;
}

/** Lists the options and operands of a command whose command line has not been read. */
export function fieldsOf(command: Command): Field[] {
  return Object.entries(command).flatMap(([key, field]) =>
    field instanceof Declared ? [{ key, initial: field.initial, ...field.declaration }] : [],
  );
}

/** Lists the options and operands of a command. */
export function declarationsOf(command: CommandClass): Declaration[] {
  return fieldsOf(new command());
}

/** Returns a declaration as if it were the value that the field will have: no command is run before it has that. */
function declared(declaration: Declaration, initial: unknown): never {
  return new Declared(declaration, initial) as never;
}
