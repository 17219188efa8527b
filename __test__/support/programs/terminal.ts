import { bash, type Outcome, quote } from "./cli.ts";

/** Runs a shell command on a terminal of its own; what the terminal showed is stdout. */
export function onTerminal(command: string): Promise<Outcome> {
  return bash(`TERM=xterm script -qec ${quote([command])} /dev/null < /dev/null`);
}
