import { BUILT_IN, type CommandHelp, type ShownOption } from "../help/schema.ts";

/** Makes the completions for fish 3 or later. */
export function fish(commands: readonly CommandHelp[]): string {
  const all = [...commands, ...BUILT_IN].map(({ name, summary }) => [name, summary] as const);
  const none = `-n ${quoted(`not __fish_seen_subcommand_from ${all.map(([name]) => name).join(" ")}`)}`;
  return [
    "# fish completion for blockcopy; made by `blockcopy completion fish`",
    "",
    `complete -c blockcopy ${none} -f`,
    `complete -c blockcopy ${none} -s h -l help -d ${quoted("Print help")}`,
    `complete -c blockcopy ${none} -s V -l version -d ${quoted("Print the version")}`,
    ...all.map(
      ([name, summary]) => `complete -c blockcopy ${none} -a ${name} -d ${quoted(summary)}`,
    ),
    `complete -c blockcopy -n ${quoted("__fish_seen_subcommand_from help")} -f -a ${quoted(commands.map(({ name }) => name).join(" "))}`,
    ...commands.flatMap(linesOf),
    "",
  ].join("\n");
}

function linesOf({ name, operands, sections }: CommandHelp): string[] {
  const start = `complete -c blockcopy -n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
  const words = operands.flatMap(({ kind }) => kind?.words ?? []);
  return [
    ...(words.length === 0 ? [] : [`${start} -f -a ${quoted(words.join(" "))}`]),
    ...sections.flatMap(({ options }) =>
      options.map((option) => `${start} ${optionWords(option)}`),
    ),
  ];
}

function optionWords({ names, kind, text }: ShownOption): string {
  const letters = names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  return [...letters, ...valueWords(kind), `-d ${quoted(text)}`].join(" ");
}

function valueWords(kind: ShownOption["kind"]): string[] {
  if (kind === undefined) {
    return [];
  }
  if (kind.words !== undefined) {
    return [`-x -a ${quoted(kind.words.join(" "))}`];
  }
  return [kind.isFile === true ? "-r -F" : "-x"];
}

/** Quotes a text for fish, where a backslash escapes in single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
