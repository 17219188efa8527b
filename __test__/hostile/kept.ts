// The kept inputs: one per line of a file for each target, in hexadecimal.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../support/programs/cli.ts";

/** The file with the kept inputs of a target. */
export function keptFile(target: string): string {
  return join(PROJECT, "fuzz/kept", `${target}.txt`);
}

/** The inputs in a file; none if there is no file. */
export function readInputs(file: string): Buffer[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "latin1").split("\n").slice(0, -1);
  return lines.map((line) => Buffer.from(line, "hex"));
}

/** The text of such a file: short inputs first. */
export function inputsText(inputs: Iterable<Uint8Array>): string {
  const lines = [...inputs].map((input) => Buffer.from(input).toString("hex"));
  lines.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  return lines.map((line) => `${line}\n`).join("");
}
