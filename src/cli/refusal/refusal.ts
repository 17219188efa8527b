import type { CommandClass } from "clipanion";

import { type Declaration, declarationsOf } from "../../commands/options/declare.ts";
import { suggestion } from "./suggestion.ts";
import { messageOf } from "../../errors/message-of.ts";

/** A word of a command line, and what it is. */
type Word =
  | { is: "operand"; text: string }
  | { is: "option"; name: string; option: Declaration; value: string | undefined }
  | { is: "unknown"; text: string };

/** Explains what is wrong with the words of a command that clipanion refuses. Its own messages name neither the value that is missing nor a remedy. */
export function refusal(error: unknown, command: CommandClass, words: readonly string[]): string {
  const message = messageOf(error);
  const declarations = declarationsOf(command);
  const read = readWords(words, declarations);
  // clipanion looks at the values before the operands that may be repeated are counted.
  if (message.startsWith("Invalid value for ") && !lacksRepeated(declarations, read)) {
    // An option that may be given several times is numbered, from 0.
    return `i${message.slice(1).replace(/^(\D*)\[\d+\]:/, "$1:")}`;
  }
  const unknown = read.find((word) => word.is === "unknown");
  if (unknown !== undefined) {
    return unknownOption(unknown.text, declarations);
  }
  const operands = declarations.filter(({ names }) => names.length === 0);
  const given = read.filter(({ is }) => is === "operand").length;
  if (given > operands.length && !operands.some(({ isRepeated }) => isRepeated)) {
    return tooMany(operands, read);
  }
  const last = read.at(-1);
  if (last?.is === "option" && last.option.kind !== undefined && last.value === undefined) {
    return `${last.name} needs a value (as in ${exampleOf(last.name, last.option)})`;
  }
  return missing(operands, read);
}

/** True if an operand that may be repeated is missing, and no option stands for it. */
function lacksRepeated(declarations: readonly Declaration[], read: readonly Word[]): boolean {
  const operands = declarations.filter(({ names }) => names.length === 0);
  const unless = operands.find(({ isRepeated }) => isRepeated)?.unless;
  return (
    unless !== undefined &&
    read.filter(({ is }) => is === "operand").length < operands.length &&
    !read.some((word) => word.is === "option" && word.name === unless)
  );
}

/** Reads words as clipanion does. */
function readWords(words: readonly string[], declarations: readonly Declaration[]): Word[] {
  const read: Word[] = [];
  let rest = [...words];
  while (rest.length > 0) {
    const [text = "", ...after] = rest;
    rest = after;
    if (text === "--") {
      return [...read, ...after.map((operand) => ({ is: "operand", text: operand }) as const)];
    }
    const [, name = text, bound] = /^(--?[^=]+)=(.*)$/s.exec(text) ?? [];
    const option = optionNamed(name, declarations);
    if (!text.startsWith("-") || text === "-") {
      read.push({ is: "operand", text });
    } else if (option === undefined) {
      read.push(...(isCluster(text, declarations) ? [] : [{ is: "unknown", text } as const]));
    } else if (option.kind === undefined) {
      read.push(
        bound === undefined
          ? { is: "option", name, option, value: undefined }
          : { is: "unknown", text },
      );
    } else {
      const value = bound ?? rest.shift();
      read.push({ is: "option", name, option, value });
    }
  }
  return read;
}

/** Finds an option by name; a flag also by `--no-` and its name. */
function optionNamed(name: string, declarations: readonly Declaration[]): Declaration | undefined {
  const positive = name.replace(/^--no-/, "--");
  return (
    declarations.find(({ names }) => names.includes(name)) ??
    declarations.find(({ names, kind }) => kind === undefined && names.includes(positive))
  );
}

/** True for short flags in one word, as `-tp`. */
function isCluster(text: string, declarations: readonly Declaration[]): boolean {
  return (
    /^-[a-zA-Z]{2,}$/.test(text) &&
    Array.from(text.slice(1)).every(
      (letter) =>
        optionNamed(`-${letter}`, declarations)?.kind === undefined &&
        optionNamed(`-${letter}`, declarations) !== undefined,
    )
  );
}

function unknownOption(text: string, declarations: readonly Declaration[]): string {
  const [name = text] = text.split("=", 1);
  const option = optionNamed(name, declarations);
  if (option !== undefined) {
    const file = optionNamed(`${name}-file`, declarations);
    const remedy = file === undefined ? "" : `; give ${name}-file${text.slice(name.length)}`;
    return `${name} takes no value${remedy}`;
  }
  if (/^-[a-zA-Z]{2,}/.test(text)) {
    return unknownLetter(text, declarations);
  }
  const shown = declarations.filter((declaration) => declaration.text !== undefined);
  const meant = suggestion(name, [...shown.flatMap(({ names }) => names), "--help", "--version"]);
  return `unknown option ${name}${meant === undefined ? "" : `; did you mean \`${meant}\`?`}`;
}

/** Names the letter that is wrong in a word of several short options. */
function unknownLetter(text: string, declarations: readonly Declaration[]): string {
  for (const letter of text.slice(1)) {
    const option = optionNamed(`-${letter}`, declarations);
    if (option === undefined) {
      return `unknown option -${letter} in ${text}`;
    }
    if (option.kind !== undefined) {
      return `-${letter} takes a value, so it must be a word of its own: -${letter} ${option.kind.name}`;
    }
  }
  return `unknown option ${text}`;
}

function tooMany(operands: readonly Declaration[], words: readonly Word[]): string {
  if (operands.length === 0) {
    const surplus = words.find((word) => word.is === "operand");
    return `\`${surplus?.text}\` is not part of an option: put a pattern in quotes, or the shell replaces it with the files that it matches`;
  }
  const names = operands.map(({ kind }) => kind?.name).join(" and ");
  const map = words.findIndex((word) => word.is === "option" && word.name === "--map");
  const image = words[map + 1];
  if (map >= 0 && image?.is === "operand" && /\.svg$/i.test(image.text)) {
    return `more than ${names}: --map takes no value; give --map-file ${image.text}`;
  }
  return operands.length > 1
    ? `more than ${names}: a name with spaces needs quotes, and options of ssh go into -e, as in -e 'ssh -p 2222'`
    : `more than one ${names}: a name with spaces needs quotes`;
}

/** Says which operand is missing, and which option has taken one as its value. */
function missing(operands: readonly Declaration[], words: readonly Word[]): string {
  const names = operands.map(({ kind }) => kind?.name).join(" or ");
  const valued = words.flatMap((word) =>
    word.is === "option" && word.value !== undefined ? [{ ...word, value: word.value }] : [],
  );
  const taken =
    valued.find(({ option, value }) => option.kind?.form?.test(value) === false) ??
    valued.find(({ option }) => option.kind?.form === undefined);
  if (taken === undefined) {
    return `${names} is missing`;
  }
  const example = exampleOf(taken.name, taken.option);
  return `${names} is missing: \`${taken.value}\` was taken for the value of ${taken.name} (as in ${example})`;
}

function exampleOf(name: string, { kind }: Declaration): string {
  const value = kind?.example ?? kind?.name ?? "";
  return name.startsWith("--") ? `${name}=${value}` : `${name} ${value}`;
}
