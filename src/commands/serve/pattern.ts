import * as t from "typanion";

import type { Kind } from "../options/declare.ts";
import { refuse } from "../options/refuse.ts";

/** Pattern for absolute paths: `*` stands for any characters but a slash, also for none, `?` for one; a backslash takes their meaning away. */
export const PATTERN: Kind<string> = {
  name: "PATTERN",
  form: /^\//,
  example: "/dev/vg/*",
  isFile: true,
  validator: t.makeValidator({
    test: (value, state): value is string =>
      typeof value === "string" && isPlain(value)
        ? !/(?:^|[^\\])(?:\\\\)*\\$/.test(value) ||
          refuse(state, `${JSON.stringify(value)} ends with a backslash; give what follows it`)
        : refuse(
            state,
            `${JSON.stringify(value)} is not a pattern for absolute paths; begin with /, and leave out empty parts, . and ..`,
          ),
  }),
};

/** True for an absolute path with no part that is empty, `.` or `..`: no other spelling of it exists. */
export function isPlain(path: string): boolean {
  const [first, ...parts] = path.split("/");
  return first === "" && parts.length > 0 && parts.every((part) => !["", ".", ".."].includes(part));
}

/** True if a pattern matches all of a path that is {@link isPlain}. */
export function matches(pattern: string, path: string): boolean {
  const tests = pattern.split("/").map(testOf);
  const parts = path.split("/");
  return parts.length === tests.length && parts.every((part, at) => tests[at]?.test(part));
}

/**
 * Makes the test for one part of a path. What stands between two stars is looked for where it comes first, and nowhere else: with a
 * `[^]*` for each star, a long name would take hours, in which no signal ends the process.
 */
function testOf(part: string): RegExp {
  const pieces = [""];
  for (const [token] of part.matchAll(/\\?[^]|\\/g)) {
    if (token === "*") {
      pieces.push("");
    } else {
      const character = token.length > 1 ? token.slice(1) : token;
      pieces[pieces.length - 1] += token === "?" ? "[^]" : literal(character);
    }
  }
  const [first, ...more] = pieces;
  const last = more.pop();
  // A lookahead never tries another match, and then the same characters are taken.
  const middle = more.map((piece, at) => `(?=([^]*?${piece}))\\${at + 1}`).join("");
  return new RegExp(`^${first}${middle}${last === undefined ? "" : `[^]*${last}`}$`);
}

/** Returns the expression for a character, or half of one. */
function literal(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
