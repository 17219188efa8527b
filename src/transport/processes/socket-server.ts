import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, rmdirSync } from "node:fs";
import { join } from "node:path";

import type * as Binding from "../../native/binding.js";
import { systemCode } from "../../errors/stream-errors.ts";
import { openUnnamed, temporaryFolder } from "../files/unnamed-file.ts";
import { endsWithThis } from "./ends-with-this.ts";
import { FOLDERS, lastWords } from "./system-tool.ts";

/** Milliseconds for a server to write what is left, and to end, before it is killed. */
const TO_STOP = 60_000;

/** A server that only this process reaches. */
export interface SocketServer {
  /** The URI of its default export. */
  readonly uri: string;
  /** Its number; undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Waits for it to end by itself; false if it has not ended in this time. */
  endsWithin(milliseconds: number): Promise<boolean>;
  /** Makes it end in good order. Returns the reason if it has not; undefined after a success. */
  stop(): Promise<string | undefined>;
  /** Returns the end of what it has printed. */
  lastWords(): string;
}

/**
 * Starts a server of NBD on a socket without a name.
 *
 * @throws the system's error, the engine's failures
 */
export function startOnSocket(
  native: Pick<typeof Binding, "privateSocket">,
  program: string,
  args: readonly string[],
): SocketServer {
  const output = openUnnamed(temporaryFolder());
  const { listener, place } = privateSocket(native);
  // It gets the socket that listens as descriptor 3, in the way of sd_listen_fds(3).
  const [shell, ...words] = endsWithThis("TERM", [program, ...args]);
  // In a session of its own: an interrupt on the terminal is for this process, which decides what is still written.
  const child = spawn(shell, words, {
    stdio: ["ignore", "ignore", output, listener],
    env: { PATH: FOLDERS.join(":"), LC_ALL: "C", LISTEN_FDS: "1" },
    cwd: "/",
    detached: true,
  });
  // Only the server listens, so that connecting fails when it has ended.
  closeSync(listener);
  const ended = new Promise<string | undefined>((resolve) => {
    child.on("error", (error) => resolve(`it could not be started: ${systemCode(error)}`));
    child.on("exit", (code, signal) =>
      resolve(code === 0 ? undefined : `it ended by ${signal ?? `exit code ${code}`}`),
    );
  });
  const endsWithin = (milliseconds: number): Promise<boolean> =>
    new Promise((resolve) => {
      const timeout = setTimeout(() => resolve(false), milliseconds);
      void ended.then(() => {
        clearTimeout(timeout);
        resolve(true);
      });
    });
  return {
    uri: `nbd+unix:///?socket=/proc/self/fd/${place}`,
    pid: child.pid,
    endsWithin,
    stop: async () => {
      child.kill("SIGTERM");
      if (!(await endsWithin(TO_STOP))) {
        child.kill("SIGKILL");
        return `it did not end within ${TO_STOP / 1000} seconds`;
      }
      const failure = await ended;
      return failure && [failure, lastWords(output)].filter((text) => text !== "").join(": ");
    },
    lastWords: () => lastWords(output),
  };
}

/** Makes a socket in a folder that exists only for that. */
function privateSocket(native: Pick<typeof Binding, "privateSocket">): Binding.PrivateSocket {
  const folder = mkdtempSync(join(temporaryFolder(), "blockcopy-socket-"));
  try {
    return native.privateSocket(folder);
  } finally {
    rmdirSync(folder);
  }
}
