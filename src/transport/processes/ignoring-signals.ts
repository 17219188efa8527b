import { accessSync, constants } from "node:fs";
import { join } from "node:path";

import { ignoredSignals } from "./ignored-signals.ts";

/** A command, as words. */
type Command = readonly [string, ...string[]];

/**
 * A command that runs another one with the signals ignored that this process was told to ignore: Node resets them in all that it starts, so that a hang-up
 * of the terminal would end ssh and leave this process alone.
 */
export function ignoring(command: Command): Command {
  // One that cannot be started is started as it is: the system then says why.
  if (ignoredSignals.length === 0 || !isThere(command[0])) {
    return command;
  }
  const names = ignoredSignals.map((signal) => signal.replace("SIG", ""));
  return ["/bin/sh", "-c", `trap "" ${names.join(" ")}; exec "$@"`, "sh", ...command];
}

/** True if a program can be found, in the PATH where its name has no slash. */
function isThere(program: string): boolean {
  const folders = program.includes("/") ? [""] : (process.env["PATH"] ?? "").split(":");
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
