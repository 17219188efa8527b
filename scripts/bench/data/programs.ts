import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { run } from "../../common/processes.ts";
import { inBytes } from "../report/numbers.ts";

const FOLDERS = ["/usr/bin", "/usr/lib"];
const MEBIBYTE = 1024 * 1024;

/**
 * Fills `file` with the programs and libraries of this machine, one after the other, in the order of their names.
 * @throws Error when they are less than `size` bytes
 */
export function makePrograms(file: string, size: number): void {
  const output = openSync(file, "w");
  try {
    let left = size;
    for (const program of regularFiles(FOLDERS)) {
      if (left === 0) return;
      left -= append(output, program, left);
    }
    if (left > 0)
      throw new Error(`${FOLDERS.join(" and ")} have only ${inBytes(size - left)} of files`);
  } finally {
    closeSync(output);
  }
}

/** Fills `file` with pieces of 1 MiB of `source`, which has `size` bytes, evenly spaced: a smaller file that compresses as it does. */
export function makeSample(source: string, size: number, file: string, bytes: number): void {
  const pieces = bytes / MEBIBYTE;
  const step = Math.floor(size / MEBIBYTE / pieces) * MEBIBYTE;
  copyPieces(source, file, pieces, (piece) => [piece * step, piece * MEBIBYTE]);
}

/** Copies `source` of `size` bytes to `file`, with zeros, written as such, for every other 16 MiB. */
export function makeHalfEmpty(source: string, size: number, file: string): void {
  copyPieces(source, file, size / MEBIBYTE, (piece) => [
    Math.floor(piece / 16) % 2 === 0 ? piece * MEBIBYTE : undefined,
    piece * MEBIBYTE,
  ]);
}

/** Writes `count` pieces of 1 MiB to where each belongs, from where it is, or zeros where it is nowhere. */
function copyPieces(
  source: string,
  file: string,
  count: number,
  place: (piece: number) => readonly [from: number | undefined, to: number],
): void {
  const piece = Buffer.alloc(MEBIBYTE);
  const [input, output] = [openSync(source, "r"), openSync(file, "w")];
  try {
    for (let index = 0; index < count; index++) {
      const [from, to] = place(index);
      if (from === undefined) piece.fill(0);
      else readSync(input, piece, 0, MEBIBYTE, from);
      writeSync(output, piece, 0, MEBIBYTE, to);
    }
  } finally {
    closeSync(input);
    closeSync(output);
  }
}

/** All regular files below the folders, no links, in the order of their names. */
function regularFiles(folders: readonly string[]): string[] {
  const { stdout } = run(["find", ...folders, "-type", "f", "-print0"]);
  return stdout
    .split("\0")
    .filter((path) => path !== "")
    .toSorted();
}

/** Appends at most `most` bytes of the file. Returns how many. */
function append(output: number, path: string, most: number): number {
  const input = openSync(path, "r");
  const buffer = Buffer.allocUnsafe(MEBIBYTE);
  try {
    let done = 0;
    while (done < most) {
      const count = readSync(input, buffer, 0, Math.min(MEBIBYTE, most - done), null);
      if (count === 0) break;
      writeSync(output, buffer, 0, count);
      done += count;
    }
    return done;
  } finally {
    closeSync(input);
  }
}
