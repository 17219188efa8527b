import { UsageError } from "../../errors/copy-error.ts";
import { isBytes } from "../../native/names.ts";

/**
 * Quotes a word for the login shell of another host: sh and its descendants, csh, or fish.
 *
 * In quotes, fish reads `\\'` and `\\\\` as escapes, and csh looks up what follows `!`. Outside of quotes, a backslash before one of these
 * means the same in all shells.
 *
 * @param word without line feeds, which csh cannot take
 */
export function quoteWord(word: string): string {
  if (/[\0\n]/.test(word) || isBytes(word)) {
    throw new Error(`${JSON.stringify(word)} cannot be quoted for every shell`);
  }
  // Some shells expand a word that begins with an equals sign or a percent sign.
  if (/^[A-Za-z0-9_./:@+,-][A-Za-z0-9_./:=@+,-]*$/.test(word)) {
    return word;
  }
  const parts = word.split(/(['\\!])/);
  const quoted = parts.map((part, at) => (at % 2 === 1 ? `\\${part}` : part && `'${part}'`));
  return quoted.join("") || "''";
}

/** A path on another host, split after a home folder that the shell there expands. */
export interface HomePath {
  /** `~` or `~user`; empty for a path without one. */
  home: string;
  rest: string;
}

/** Splits a path after the home folder at its start. */
export function splitHome(path: string): HomePath {
  const home = /^~[A-Za-z0-9_.-]*(?=\/|$)/.exec(path)?.[0] ?? "";
  return { home, rest: path.slice(home.length) };
}

/** True for a path, or part of one, that every shell leaves unchanged without quotes. */
export function needsNoQuotes(path: string): boolean {
  return /^[A-Za-z0-9_./:@+,-]*$/.test(path);
}

/**
 * Splits a command into words as rsync(1) does for `--rsh`: at spaces, except within `'…'` and `"…"`. No other character is special.
 *
 * @throws UsageError
 */
export function splitWords(command: string): [string, ...string[]] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (const character of command) {
    if (quote === undefined && (character === "'" || character === '"')) {
      quote = character;
      word ??= "";
    } else if (character === quote) {
      quote = undefined;
    } else if (quote === undefined && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (word !== undefined) words.push(word);
  const [first, ...more] = words;
  if (quote !== undefined || first === undefined) {
    throw new UsageError(
      // The words are not shown, because they may contain a password.
      `--rsh is not a command: ${quote === undefined ? "it is empty" : `a ${quote} is not closed`}`,
      "give a program and its options, as in `ssh -p 2222`",
    );
  }
  return [first, ...more];
}
