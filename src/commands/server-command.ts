/** Separates the words of a command for a server. No argument of a process can contain it, and no name of a file. */
const MARK = "\0";

const BEGINNING = `[${MARK}`;

/** Returns the operand that stands for a command. */
export function operandOf(command: readonly string[]): string {
  return ["[", ...command, "]"].join(MARK);
}

/** True for an operand that stands for a command. */
export function isCommand(operand: string): boolean {
  return operand.startsWith(BEGINNING);
}

/** Returns the words of the command that an operand stands for; undefined if it is a name. */
export function commandIn(operand: string): string[] | undefined {
  return isCommand(operand) ? operand.split(MARK).slice(1, -1) : undefined;
}

/**
 * Returns the name of an operand, for messages, events and metrics. That of a command has only its program: other words may contain a
 * password, and what is printed goes to logs and mails.
 */
export function shownOperand(operand: string): string {
  const [program = "", ...words] = commandIn(operand) ?? [];
  return isCommand(operand) ? `[ ${program} ${words.length > 0 ? "... " : ""}]` : operand;
}

/** Returns the names of operands. The second of two commands that have the same name gets another one. */
export function shownOperands(operands: readonly string[]): string[] {
  const names = operands.map(shownOperand);
  return names.map((name, place) =>
    isCommand(operands[place] ?? "") && names.indexOf(name) < place ? `the second ${name}` : name,
  );
}
