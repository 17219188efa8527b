import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";

import type * as Binding from "../../native/binding.js";
import { systemReason } from "../../errors/stream-errors.ts";
import { lastWords } from "../files/printed-file.ts";
import { openUnnamed } from "../files/temporary.ts";
import { findTool } from "./find-tool.ts";

/** Word in place of the exit code of a command that took too long. */
const TOO_LONG = "timeout";

/**
 * Runs one command of the shell, says how it ended, waits, and runs the other one. It waits for the end of the pipe, which also comes if the
 * program that has started it is killed, and for a limited time: what the first command has frozen may be what that program waits for. So
 * the second command runs whatever happened, and never before the first one has ended. Only a subshell writes to the other pipe, since a
 * write without a reader ends the process.
 *
 * timeout(1) ends with the shell that it has started, even if what that shell has started ignores SIGTERM and goes on; that of busybox only
 * signals the shell. So each command gets a process group. After the time limit, all of it is killed and waited for, two seconds at most:
 * what it froze later would stay frozen. The exit code does not show that a command took too long, because busybox passes on that of the
 * shell. So the time is taken from /proc/uptime, in hundredths of a second.
 *
 * A signal for all processes of a unit of systemd also reaches this shell and what it waits for, so it only ends the wait: traps are not
 * inherited.
 */
const SCRIPT = `
trap : HUP INT QUIT TERM
tell() { (trap '' PIPE; echo "$1") 2>/dev/null; }
now() { now=0; { read -r now rest </proc/uptime; } 2>/dev/null; now=\${now%.*}\${now#*.}; }
run() {
  now; begun=$now
  group=$(exec /bin/sh -c 'echo $$; exec "$@" >&2' sh $lead "$limit" -k 5 "$seconds" /bin/sh -c "$1" </dev/null)
  code=$?
  now
  case $code in 124|137|143) ;; *) return ;; esac
  [ $((now - begun)) -ge $((seconds * 100)) ] || return
  code=${TOO_LONG}
  kill -KILL "-$group" 2>/dev/null
  for pause in 0.1 0.4 0.5 1; do kill -0 "-$group" 2>/dev/null || return; sleep "$pause"; done
}
lead=$1 limit=$2 seconds=$3
code=0; if [ -n "$4" ]; then run "$4"; fi
tell "$code"
"$limit" "$seconds" /bin/sh -c 'read -r line' || [ $? = 1 ] || [ -z "$5" ] || tell late
code=0; if [ -n "$5" ]; then run "$5"; fi
tell "$code"
`;

/** Seconds after the time limit of a command in which it must have ended: timeout(1) kills it after five, and up to two more may pass. */
const AFTER_LIMIT = 15;

/** Two commands of the shell. */
export interface Commands {
  /** Undefined for none. */
  first: string | undefined;
  second: string | undefined;
  /** Seconds that each may take, and the time between the two. */
  seconds: number;
  environment: NodeJS.ProcessEnv;
}

/** A failure of a command. */
export interface CommandFailure {
  reason: string;
  /** True if more seconds could have helped. */
  isTimeout: boolean;
}

/**
 * Two commands of the shell. The second one runs after the first, whatever happens in between. A shell of its own waits to run it, in
 * a session that no signal for this program reaches, so that a frozen file system is thawed even if this program is killed.
 */
export class CommandPair {
  readonly #child: ChildProcess;
  readonly #seconds: number;
  /** The pipe whose end lets the second command run; undefined once it is closed. */
  #hold: number | undefined;
  /** The file with all that the commands print. A pipe would end them when this program has gone. */
  readonly #printed: number;
  /** The exit codes of the commands that have ended. */
  #codes: string[] = [];
  /** True if the second command was run before it was asked for, because that took too long. */
  #wasLate = false;
  #wake: () => void = () => undefined;
  #failure: string | undefined;
  #hasEnded = false;

  private constructor(child: ChildProcess, seconds: number, hold: number, printed: number) {
    this.#child = child;
    this.#seconds = seconds;
    this.#hold = hold;
    this.#printed = printed;
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(0, 100);
      const lines = text.split("\n").slice(0, -1);
      this.#wasLate = lines.includes("late");
      this.#codes = lines.filter((line) => line !== "late");
      this.#wake();
    });
    child.on("error", (error) => this.#end(systemReason(error)));
    child.on("exit", (code, signal) => this.#end(`its shell ended with ${signal ?? code}`));
  }

  /**
   * Starts the first command.
   *
   * @throws Error with the reason if that fails
   */
  static start(
    native: Pick<typeof Binding, "makePipe">,
    { first = "", second = "", seconds, environment }: Commands,
  ): CommandPair {
    const limit = findTool("timeout");
    if (limit === undefined) {
      throw new Error("timeout(1) is missing");
    }
    // Without it, timeout(1) of coreutils makes a group, too.
    const lead = findTool("setsid") ?? "";
    const printed = openUnnamed();
    const { read, write } = native.makePipe(4096);
    try {
      const words = ["-c", SCRIPT, "sh", lead, limit, String(seconds), first, second];
      const child = spawn("/bin/sh", words, {
        stdio: [read, "pipe", printed],
        env: environment,
        detached: true,
      });
      return new CommandPair(child, seconds, write, printed);
    } finally {
      closeSync(read);
    }
  }

  /** Waits for the first command; returns its failure. */
  first(): Promise<CommandFailure | undefined> {
    return this.#result(0);
  }

  /** Lets the second command run, and waits for it; returns its failure, also if it was run before it was asked for. */
  async second(): Promise<CommandFailure | undefined> {
    if (this.#hold !== undefined) {
      closeSync(this.#hold);
      this.#hold = undefined;
    }
    const failed = await this.#result(1);
    return this.#wasLate
      ? {
          reason: `it was run before the snapshot was made, which took longer than ${this.#seconds} seconds`,
          isTimeout: true,
        }
      : failed;
  }

  async #result(place: number): Promise<CommandFailure | undefined> {
    // The first command may still be running when the second one is asked for.
    const limit = (place + 1) * (this.#seconds + AFTER_LIMIT) * 1000;
    const deadline = setTimeout(() => this.#end("it does not end"), limit);
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#codes[place] !== undefined || this.#hasEnded) {
          resolve();
        }
      };
      this.#wake = look;
      look();
    });
    clearTimeout(deadline);
    const code = this.#codes[place];
    if (code === "0") {
      return undefined;
    }
    const said = lastWords(this.#printed);
    const isTimeout = code === TOO_LONG;
    const reason = isTimeout ? `it took longer than ${this.#seconds} seconds` : this.#reason(code);
    return { reason: `${reason}${said === "" ? "" : `: ${said}`}`, isTimeout };
  }

  #reason(code: string | undefined): string {
    return code === undefined ? (this.#failure ?? "it ended without a word") : `exit code ${code}`;
  }

  #end(reason: string): void {
    this.#failure ??= reason;
    this.#hasEnded = true;
    this.#child.unref();
    // Its last line may arrive after its end.
    setTimeout(() => this.#wake(), 100);
  }
}
