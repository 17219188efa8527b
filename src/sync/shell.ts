import { OptionError } from "../stages/context.ts";

/** A word for the shell of another host, which takes it as it is. */
export function quoteWord(word: string): string {
  // Some shells look up a word that begins with an equals sign.
  return /^[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:=@%+,-]*$/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A path for the shell of another host: all as it is, but that a home folder at its beginning is looked up there. */
export function quotePath(path: string): string {
  // With the slash: were that in quotes, the home folder would not be looked up.
  const home = /^~[A-Za-z0-9_.-]*(?:\/|$)/.exec(path)?.[0] ?? "";
  const rest = path.slice(home.length);
  return rest === "" ? home : home + quoteWord(rest);
}

/**
 * The words of a command as rsync(1) reads that of `--rsh`: separated by spaces, `'…'` and `"…"` group, nothing else means anything.
 *
 * @throws OptionError
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
    throw new OptionError(
      `${JSON.stringify(command)} is no command`,
      "give a program and its options, as in `ssh -p 2222`",
    );
  }
  return [first, ...more];
}
