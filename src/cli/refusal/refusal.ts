import type { Declaration } from "../../commands/options/declare.ts";
import type { MalformedError } from "../parse.ts";
import { optionNamed, type Word } from "../words.ts";
import { suggestion } from "./suggestion.ts";

/** Explains what is wrong with the words of a command. */
export function refusal({ words, declarations }: MalformedError): string {
  const unknown = words.find((word) => word.is === "unknown");
  if (unknown !== undefined) {
    return unknownOption(unknown.text, declarations);
  }
  const operands = declarations.filter(({ names }) => names.length === 0);
  const given = words.filter(({ is }) => is === "operand").length;
  if (given > operands.length) {
    return tooMany(operands, words);
  }
  const bare = words.find((word) => word.is === "option" && word.value === undefined);
  if (bare?.is === "option") {
    return `${bare.name} needs a value (as in ${exampleOf(bare.name, bare.option)})`;
  }
  return missing(operands, words);
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
  const names = operands.map(({ kind }) => kind?.name).join(" and ");
  const map = words.findIndex((word) => word.is === "flag" && word.name === "--map");
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
