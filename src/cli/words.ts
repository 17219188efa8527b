import type { Declaration } from "../commands/options/declare.ts";

/** A word of a command line, or two for an option with its value, and what it is. */
export type Word<T extends Declaration = Declaration> =
  | { is: "operand"; text: string }
  | { is: "flag"; name: string; option: T; on: boolean }
  | { is: "option"; name: string; option: T; value: string | undefined }
  | { is: "unknown"; text: string };

/**
 * Reads the words after the name of a command: `--name VALUE`, `--name=VALUE`, `--flag`, `--no-flag`, short names likewise with one
 * hyphen, short flags in one word (`-tp`), operands, and operands only after `--`.
 *
 * @returns options without the value that they need, and unknown options, too
 */
export function readWords<T extends Declaration>(
  words: readonly string[],
  declarations: readonly T[],
): Word<T>[] {
  const read: Word<T>[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const text = words[at] ?? "";
    if (text === "--") {
      const operands = words.slice(at + 1);
      return [...read, ...operands.map((operand) => ({ is: "operand", text: operand }) as const)];
    }
    if (!isOptionLike(text)) {
      read.push({ is: "operand", text });
      continue;
    }
    const next = words[at + 1];
    const value = next === undefined || isOptionLike(next) ? undefined : next;
    const [word, ...more] = readOption(text, value, declarations);
    read.push(word, ...more);
    if (word.is === "option" && value !== undefined && !text.includes("=")) {
      at += 1;
    }
  }
  return read;
}

/** True for a word that is an option, known or not. `-` stands for standard input or output. */
function isOptionLike(text: string): boolean {
  return text.startsWith("-") && text !== "-";
}

/** Reads one word with options. `next` is the value if the option needs one and the word has none. */
function readOption<T extends Declaration>(
  text: string,
  next: string | undefined,
  declarations: readonly T[],
): [Word<T>, ...Word<T>[]] {
  const [, name = text, bound] = /^(--?[^=]+)=(.*)$/s.exec(text) ?? [];
  const option = optionNamed(name, declarations);
  if (option === undefined) {
    return readCluster(text, declarations) ?? [{ is: "unknown", text }];
  }
  if (option.kind !== undefined) {
    return [{ is: "option", name, option, value: bound ?? next }];
  }
  return bound === undefined
    ? [{ is: "flag", name, option, on: option.names.includes(name) }]
    : [{ is: "unknown", text }];
}

/** Reads short flags in one word, as `-tp`; undefined if it is not such a word. */
function readCluster<T extends Declaration>(
  text: string,
  declarations: readonly T[],
): [Word<T>, ...Word<T>[]] | undefined {
  if (!/^-[a-zA-Z]{2,}$/.test(text)) {
    return undefined;
  }
  const [first, ...more] = Array.from(text.slice(1)).flatMap((letter): Word<T>[] => {
    const [name, option] = [`-${letter}`, optionNamed(`-${letter}`, declarations)];
    return option?.kind === undefined && option !== undefined
      ? [{ is: "flag", name, option, on: true }]
      : [];
  });
  return first !== undefined && more.length === text.length - 2 ? [first, ...more] : undefined;
}

/** Finds an option by name; a flag also by `--no-` and its name. */
export function optionNamed<T extends Declaration>(
  name: string,
  declarations: readonly T[],
): T | undefined {
  const positive = name.replace(/^--no-(?!no-)/, "--");
  return (
    declarations.find(({ names }) => names.includes(name)) ??
    declarations.find(({ names, kind }) => kind === undefined && names.includes(positive))
  );
}
