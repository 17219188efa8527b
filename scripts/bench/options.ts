import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseOffset } from "../../src/commands/options/offset.ts";

/** The options of the command line. */
export interface Options {
  /** The folder in which a folder is made for the data. */
  readonly dir: string;
  /** Bytes of the source, and of the destination. */
  readonly size: number;
  readonly rounds: number;
  /** The path of blockcopy.py 0.0.2. */
  readonly peer: string | undefined;
  /** Names of scenarios; `undefined` for all. */
  readonly only: readonly string[] | undefined;
  /** The file that gets the figures as JSON. */
  readonly json: string | undefined;
  /** True if the documentation gets the figures. */
  readonly docs: boolean;
}

const MEBIBYTE = 1024 * 1024;
/** Some blocks for each thread, and at least one that is changed. */
const LEAST = 16 * MEBIBYTE;

/** Parses the command line. @throws Error that says what is wrong with it */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      dir: { type: "string", default: tmpdir() },
      size: { type: "string", default: "2G" },
      rounds: { type: "string", default: "5" },
      peer: { type: "string" },
      only: { type: "string" },
      json: { type: "string" },
      "no-docs": { type: "boolean", default: false },
    },
  });
  const only = values.only?.split(",");
  return {
    dir: resolve(values.dir),
    size: parseSize(values.size),
    rounds: parseRounds(values.rounds),
    peer: values.peer === undefined ? undefined : resolve(values.peer),
    only,
    json: values.json,
    // A part of the figures must not take the place of all of them.
    docs: !values["no-docs"] && only === undefined,
  };
}

function parseSize(text: string): number {
  const size = parseOffset(text);
  if (size < LEAST || size % MEBIBYTE !== 0)
    throw new Error(`--size ${text}: give a multiple of 1 MiB, at least 16 MiB`);
  return size;
}

function parseRounds(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new Error(`--rounds ${text}: give a number from 1 to 9999`);
  return Number(text);
}
