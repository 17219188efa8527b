import type { SpawnSyncOptions } from "node:child_process";
import { closeSync, fstatSync } from "node:fs";

import { lastWords, textAt } from "../files/printed-file.ts";
import { openUnnamed } from "../files/temporary.ts";
import { FOLDERS } from "../processes/find-tool.ts";

/** The options with which a system program is started. */
interface ToolOptions extends Pick<SpawnSyncOptions, "env" | "cwd"> {
  stdio: ["ignore", number, number];
  /** It leads a session and a process group, so that no signal for this program interrupts it halfway. */
  detached: true;
}

/** The files without names that a system program prints to: a daemon that it leaves running may keep a pipe open for ever. */
export class ToolFiles {
  readonly #output: number;
  readonly #error: number;

  private constructor(output: number, error: number) {
    this.#output = output;
    this.#error = error;
  }

  /**
   * Makes two empty files.
   *
   * @throws TemporaryError
   */
  static open(): ToolFiles {
    const output = openUnnamed();
    try {
      return new ToolFiles(output, openUnnamed());
    } catch (error) {
      closeSync(output);
      throw error;
    }
  }

  /** The options for a program that prints to these files. */
  get options(): ToolOptions {
    return {
      stdio: ["ignore", this.#output, this.#error],
      env: { PATH: FOLDERS.join(":"), LC_ALL: "C", LVM_SUPPRESS_FD_WARNINGS: "1" },
      cwd: "/",
      detached: true,
    };
  }

  /** Bytes on the standard output. */
  get length(): number {
    return fstatSync(this.#output).size;
  }

  /** Returns up to `length` bytes of the standard output as text. In latin1, each character is one byte. */
  textAt(position: number, length: number, encoding: "utf8" | "latin1"): string {
    return textAt(this.#output, position, length, encoding);
  }

  /** The end of what is on standard error, as one line. */
  get lastWords(): string {
    return lastWords(this.#error);
  }

  /** Closes both files. */
  close(): void {
    closeSync(this.#output);
    closeSync(this.#error);
  }
}
