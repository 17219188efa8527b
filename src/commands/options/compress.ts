import * as t from "typanion";

import type { Compress } from "../../stages/retrieve/compression.ts";
import type { Kind } from "./declare.ts";
import { refuse } from "./refuse.ts";

const METHODS: readonly Compress["method"][] = ["none", "lz4", "zstd", "lzma", "auto"];

/** Levels of the methods that have any. */
const LEVELS: Readonly<Record<string, { least: number; most: number }>> = {
  zstd: { least: 1, most: 19 },
  lzma: { least: 0, most: 9 },
};

/** Compression method; after a colon, its level. */
export const METHOD: Kind<string> = {
  name: "METHOD",
  form: /^(?:none|auto|(?:lz4|zstd|lzma)(?::\d+)?)$/,
  words: METHODS,
  type: '"none" | "lz4" | "zstd" | `zstd:${number}` | "lzma" | `lzma:${number}` | "auto"',
  example: "auto",
  validator: t.makeValidator({
    test: (value, state): value is string =>
      (typeof value === "string" && parseCompress(value) !== undefined) ||
      refuse(
        state,
        `unknown compression method ${JSON.stringify(value)}; give none, lz4, zstd, zstd:1 to zstd:19, lzma, lzma:0 to lzma:9 or auto`,
      ),
  }),
};

/** Parses a compression method; undefined if {@link METHOD} refuses it. */
export function parseCompress(text: string): Compress | undefined {
  const [name, level, ...more] = text.split(":");
  const method = METHODS.find((known) => known === name);
  if (method === undefined || more.length > 0) {
    return undefined;
  }
  if (level === undefined) {
    return { method, level };
  }
  const levels = LEVELS[method];
  const number = /^[0-9]{1,2}$/.test(level) ? Number(level) : NaN;
  return levels !== undefined && number >= levels.least && number <= levels.most
    ? { method, level: number }
    : undefined;
}
