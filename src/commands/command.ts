/** Text on a command, for people. */
export interface Usage {
  description: string;
  details: string;
  /** Purpose, and command line with `$0` for the name of the program. */
  examples: readonly (readonly [purpose: string, words: string])[];
}

/** A command of the program. Its fields declare its options and operands (options/declare.ts) until its command line has been read. */
export abstract class Command {
  /** Undefined for a command that is only for other programs. */
  static readonly usage: Usage | undefined = undefined;

  /** Runs it, and returns the exit code; `never` if it ends the process itself. */
  abstract execute(): Promise<number>;
}

/** A class of commands. */
export interface CommandClass {
  new (): Command;
  readonly usage: Usage | undefined;
}
