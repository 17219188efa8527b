import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sshHere } from "./shaped-host.ts";

/** An `ssh` that adds its CPU time to a file, for copies whose other processes are to be told apart from it. */
export class TimedSsh {
  /** The folder that it is in, for the PATH. */
  readonly folder: string;
  readonly #times: string;

  constructor(folder: string) {
    this.folder = join(folder, "timed-ssh");
    this.#times = join(this.folder, "times");
    const program = join(this.folder, "ssh");
    if (existsSync(program)) return;
    mkdirSync(this.folder);
    // bash prints milliseconds, and dash only hundredths of a second.
    const time = `TIMEFORMAT='%U %S'; { time "$0" "$@" 2>&3; } 3>&2 2>> ${this.#times}`;
    writeFileSync(
      program,
      `#!/bin/sh\nexec bash -c '${time.replaceAll("'", String.raw`'\''`)}' ${sshHere()} "$@"\n`,
    );
    chmodSync(program, 0o755);
  }

  /** Forgets what was counted. */
  reset(): void {
    writeFileSync(this.#times, "");
  }

  /** CPU seconds of all that have ended. */
  get seconds(): number {
    const words = readFileSync(this.#times, "utf8").split(/\s+/);
    return words.reduce((sum, word) => sum + Number(word), 0);
  }
}
