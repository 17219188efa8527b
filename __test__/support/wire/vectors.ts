// Streams recorded from blockcopy 0.0.2: arguments, input, exit code and output of each stage.
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { PROJECT } from "../programs/cli.ts";

/** One stage of a recorded copy. */
export interface Stage {
  args: string[];
  /** The file that was its input, or null. */
  stdin: string | null;
  exit: number;
  /** The last line of its messages. */
  stderr_last_line: string;
  /** The file with its output. */
  stdout: string;
}

/** A recorded copy. */
export interface Case {
  name: string;
  destination: string;
  source: string;
  checksum?: Stage;
  retrieve: Stage;
  save: {
    stdin: string;
    exit: number;
    stderr_last_line: string;
    result_sha256: string;
    result_size: number;
  };
}

const FOLDER = join(PROJECT, "__test__/vectors/blockcopy-0.0.2");

/** The folder with the recorded sources and destinations. The arguments of the stages are relative to it. */
export const IMAGES = join(FOLDER, "images");

/** All recorded copies. */
export const { cases } = JSON.parse(readFileSync(join(FOLDER, "manifest.json"), "utf8")) as {
  cases: Case[];
};

/** Content of a recorded file. */
export function recorded(file: string): Buffer {
  return readFileSync(join(FOLDER, folderOf(file), file));
}

function folderOf(file: string): string {
  const kind = extname(file);
  if (kind === ".hashes") return "hashes";
  return kind === ".blocks" ? "blocks" : "images";
}

/** The input of a recorded stage, as an option of `run`. */
export function stdinOf(stage: Stage): { stdin?: Buffer } {
  return stage.stdin === null ? {} : { stdin: recorded(stage.stdin) };
}
