import { accessSync, constants } from "node:fs";
import { join } from "node:path";

import { ignoredSignals } from "./ignored-signals.ts";

/** A program and its arguments. */
type Command = readonly [string, ...string[]];

/**
 * Returns a command that runs `command` and ignores the signals that this process was told to ignore. Node resets them in its children, so
 * a hang-up of the terminal would end ssh while this process goes on.
 */
export function withIgnoredSignals(command: Command): Command {
  // If the program cannot be found, starting it directly gives the system's error.
  if (ignoredSignals.length === 0 || !isExecutable(command[0])) {
    return command;
  }
  const names = ignoredSignals.map((signal) => signal.replace("SIG", ""));
  return ["/bin/sh", "-c", `trap "" ${names.join(" ")}; exec "$@"`, "sh", ...command];
}

/** True if a program can be found; a name without a slash is looked up in PATH. */
function isExecutable(program: string): boolean {
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
