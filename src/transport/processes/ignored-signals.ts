import { constants } from "node:os";

import { IGNORED_VARIABLE } from "../../native/node-start.ts";

/** Signals that stay ignored if a shell or nohup(1) had ignored them. Not SIGTTIN and SIGTTOU, for which a handler differs from ignoring them. */
const IGNORABLE = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTSTP",
] as const satisfies readonly NodeJS.Signals[];

/** The signals that were ignored when the program was started. The launcher passes them on, because Node resets them. */
export const ignoredSignals: readonly NodeJS.Signals[] = read(process.env[IGNORED_VARIABLE] ?? "");

function read(mask: string): NodeJS.Signals[] {
  if (!/^[0-9a-f]{1,32}$/i.test(mask)) {
    return [];
  }
  const bits = BigInt(`0x${mask}`);
  return IGNORABLE.filter((signal) => (bits >> BigInt(constants.signals[signal] - 1)) % 2n === 1n);
}
