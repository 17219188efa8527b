// The streams recorded from blockcopy 0.0.2, as the program meets them: arguments, input, exit code, output.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./cli.ts";

/** One stage of a recorded copy. */
export interface Stage {
  args: string[];
  /** The file that it was fed, or null. */
  stdin: string | null;
  exit: number;
  /** The file that holds what it wrote. */
  stdout: string;
}

/** A recorded copy. */
export interface Case {
  name: string;
  destination: string;
  source: string;
  checksum?: Stage;
  retrieve: Stage;
  save: { stdin: string; exit: number; result_sha256: string; result_size: number };
}

/** Where the recorded files are: the arguments of the stages name them as from here. */
export const FOLDER = join(PROJECT, "__test__/vectors/blockcopy-0.0.2");

/** All of the recorded copies. */
export const { cases } = JSON.parse(readFileSync(join(FOLDER, "manifest.json"), "utf8")) as {
  cases: Case[];
};

/** A recorded file. */
export function recorded(file: string): Buffer {
  return readFileSync(join(FOLDER, file));
}

/** What a recorded stage was fed, as an option of `run`. */
export function stdinOf(stage: Stage): { stdin?: Buffer } {
  return stage.stdin === null ? {} : { stdin: recorded(stage.stdin) };
}
