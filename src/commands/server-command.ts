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

/** Returns an operand as it was given. */
export function shownOperand(operand: string): string {
  return operand.replaceAll(MARK, " ");
}
