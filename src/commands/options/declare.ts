import { type CommandClass, Option } from "clipanion";
import * as t from "typanion";

/** Headings that help lists options under, in this order. */
export const GROUPS = ["what", "safety", "attributes", "connection", "speed", "output"] as const;

export type Group = (typeof GROUPS)[number];

/** Kind of value that an option or operand takes. */
export interface Kind<T> {
  /** Its name in help and messages, as `OFFSET`. */
  readonly name: string;
  readonly validator: t.StrictValidator<unknown, T>;
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
  /** True for an operand that may be given any number of times. */
  readonly isRepeated?: boolean;
  /** Option that stands for an operand that may be repeated, which may then be left out. */
  readonly unless?: string;
}

/** Declares an option that takes no value. `names` are separated by commas. */
export function flag(names: string, text?: OptionText): boolean {
  return declared(Option.Boolean(names, false), { ...text, ...named(names), kind: undefined });
}

/** Declares an option that takes a value, undefined if it is not given. */
export function value<T extends {}>(
  names: string,
  kind: Kind<T>,
  text?: OptionText,
): T | undefined {
  const option = Option.String<T>(names, { validator: kind.validator });
  return declared(option, { ...text, ...named(names), kind });
}

/** Declares an option that takes a value and may be given several times. */
export function list(names: string, kind: Kind<string>, text: OptionText): string[] {
  const option = Option.Array(names, [], { validator: t.isArray(kind.validator) });
  return declared(option, { ...text, ...named(names), kind });
}

/** Declares an option that takes a value, `initial` if it is not given. */
export function valueOr<T extends string>(
  names: string,
  kind: Kind<T>,
  initial: T,
  text?: OptionText,
): T {
  const option = Option.String<T>(names, initial, { validator: kind.validator });
  return declared(option, { ...text, ...named(names), kind });
}

/** Declares an operand. Commands take their operands in the order of declaration. */
export function operand<T>(kind: Kind<T>): T {
  const { name, validator } = kind;
  return declared(Option.String<T>({ name, validator }), { names: [], kind });
}

/** Declares an operand that may be left out. */
export function optionalOperand<T>(kind: Kind<T>): T | undefined {
  const { name, validator } = kind;
  const option = Option.String<T>({ name, validator, required: false });
  return declared(option, { names: [], kind, isOptional: true });
}

/** Declares an operand that may be given any number of times. The command checks the values, and that there are enough. */
export function repeatedOperand(kind: Kind<string>, unless: string): string[] {
  const option = Option.Rest({ name: kind.name });
  return declared(option, { names: [], kind, isRepeated: true, unless });
}

/** Lists the options and operands of a command. */
export function declarationsOf(command: CommandClass): Declaration[] {
  const fields: { declaration?: Declaration }[] = Object.values(new command());
  return fields.flatMap((field) => field?.declaration ?? []);
}

/** True if a word may name an option with these names, with or without a value or other options of one letter. */
export function mayName(word: string, names: readonly string[]): boolean {
  return names.some((name) =>
    name.startsWith("--")
      ? word === name || word.startsWith(`${name}=`)
      : /^-[^-]/.test(word) && word.includes(name.slice(1)),
  );
}

function named(names: string): { names: string[] } {
  return { names: names.split(",") };
}

/** Attaches a declaration to what clipanion puts into a field until it has read the command line. */
function declared<T>(option: T, declaration: Declaration): T {
  return Object.assign(option as object, { declaration }) as T;
}
