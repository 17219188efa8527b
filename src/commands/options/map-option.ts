import * as t from "typanion";

import { isFileHere } from "./file-name.ts";
import { refuse } from "./refuse.ts";

/** The file that a map goes into; `--map` without one is for the terminal. */
export const isMapFile: t.StrictValidator<unknown, string> = t.makeValidator({
  test: (value, state): value is string =>
    typeof value === "string" && /[^]\.svg$/i.test(value)
      ? isFileHere(value, state)
      : refuse(state, "give a name that ends with .svg, or none, for the terminal"),
});

/** The words of a command line in which a file right after `--map` is its value: with `=`, as an option must have it that can do without. */
export function joinMap(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const word of words) {
    if (joined.at(-1) === "--map" && /\.svg$/i.test(word) && !joined.includes("--")) {
      joined[joined.length - 1] = `--map=${word}`;
    } else {
      joined.push(word);
    }
  }
  return joined;
}
