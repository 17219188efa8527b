import { UsageError } from "../../errors/copy-error.ts";
import { isBytes } from "../../native/names.ts";

/**
 * A word for the login shell of another host, which takes it as it is: sh and all that descends from it, csh, fish.
 *
 * In quotes, fish reads `\\'` and `\\\\` as escapes, and csh looks up what follows `!`; outside of quotes, a backslash before one of these means the same to all of them.
 *
 * @param word of one line: csh cannot be given the end of one
 */
export function quoteWord(word: string): string {
  if (/[\0\n]/.test(word) || isBytes(word)) {
    throw new Error(`${JSON.stringify(word)} cannot be quoted for every shell`);
  }
  // Some shells look up a word that begins with an equals sign, or with a percent sign.
  if (/^[A-Za-z0-9_./:@+,-][A-Za-z0-9_./:=@+,-]*$/.test(word)) {
    return word;
  }
  const parts = word.split(/(['\\!])/);
  const quoted = parts.map((part, at) => (at % 2 === 1 ? `\\${part}` : part && `'${part}'`));
  return quoted.join("") || "''";
}

/** A path on another host, cut where the home folder ends that its shell is to look up. */
export interface HomePath {
  /** As `~` or `~user`; empty for a path without one. */
  home: string;
  rest: string;
}

/** Finds the home folder at the beginning of a path. */
export function splitHome(path: string): HomePath {
  const home = /^~[A-Za-z0-9_.-]*(?=\/|$)/.exec(path)?.[0] ?? "";
  return { home, rest: path.slice(home.length) };
}

/** True for a path, or a part of one, that is the same to every shell without quotes. */
export function isPlain(path: string): boolean {
  return /^[A-Za-z0-9_./:@+,-]*$/.test(path);
}

/**
 * The words of a command as rsync(1) reads that of `--rsh`: separated by spaces, `'…'` and `"…"` group, nothing else means anything.
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
      // Not the words themselves: there may be a password among them.
      `--rsh is not a command: ${quote === undefined ? "it is empty" : `a ${quote} is not closed`}`,
      "give a program and its options, as in `ssh -p 2222`",
    );
  }
  return [first, ...more];
}
