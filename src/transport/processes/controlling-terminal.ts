import { closeSync } from "node:fs";

import { openSync } from "../../native/files.ts";

/** True if there is a terminal on which ssh can ask for a password, see tty(4). Cron jobs and most services have none. */
export function hasControllingTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
