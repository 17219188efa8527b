import * as t from "typanion";

import type { Compress } from "../../stages/retrieve/compression.ts";
import { refuse } from "./refuse.ts";

const METHODS: readonly Compress["method"][] = ["none", "lz4", "zstd", "lzma", "auto"];

/** The levels that a method has. */
const LEVELS: Readonly<Record<string, { least: number; most: number }>> = {
  zstd: { least: 1, most: 19 },
  lzma: { least: 0, most: 9 },
};

/** How to compress: a method, and behind a colon its level. */
export const isCompress: t.StrictValidator<unknown, string> = t.makeValidator({
  test: (value, state): value is string =>
    (typeof value === "string" && parseCompress(value) !== undefined) ||
    refuse(
      state,
      `${JSON.stringify(value)} is no way to compress; give none, lz4, zstd, zstd:1 to zstd:19, lzma, lzma:0 to lzma:9 or auto`,
    ),
});

/** What `isCompress` accepts; undefined for anything else. */
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
