import { constants } from "node:os";

import { IGNORED_VARIABLE } from "../../native/node-start.ts";

/** Signals that a shell or nohup(1) may have had ignored, which stay ignored. SIGTTIN and SIGTTOU are not among them: ignoring these is more than having a handler. */
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

/** The signals that were ignored when the program was started, as far as the launcher says: Node itself forgets them. */
export const ignoredSignals: readonly NodeJS.Signals[] = read(process.env[IGNORED_VARIABLE] ?? "");

function read(mask: string): NodeJS.Signals[] {
  if (!/^[0-9a-f]{1,32}$/i.test(mask)) {
    return [];
  }
  const bits = BigInt(`0x${mask}`);
  return IGNORABLE.filter((signal) => (bits >> BigInt(constants.signals[signal] - 1)) % 2n === 1n);
}
