import type { CommandClass } from "clipanion";

import {
  type Declaration,
  declarationsOf,
  type Group,
  GROUPS,
} from "../../commands/options/declare.ts";

/** An option for people: one with a text. */
export type ShownOption = Declaration & { group: Group; text: string };

/** Everything that help, manual pages and completions say about a command. */
export interface CommandHelp {
  name: string;
  summary: string;
  paragraphs: readonly string[];
  examples: readonly (readonly [purpose: string, words: string])[];
  operands: readonly Declaration[];
  sections: readonly OptionSection[];
}

/** Options under one heading. */
interface OptionSection {
  title: string;
  options: readonly ShownOption[];
}

const TITLES: Readonly<Record<Group, string>> = {
  what: "What to copy",
  safety: "Safety",
  attributes: "Attributes of the destination",
  connection: "Connection",
  speed: "Speed",
  output: "Output",
};

/** A command that has headings of its own. */
type Titled = CommandClass & { titles?: Partial<typeof TITLES> };

const HELP: ShownOption = {
  names: ["-h", "--help"],
  kind: undefined,
  group: "output",
  text: "Print this help",
};

/** Commands without a class and without a manual page of their own. */
export const BUILT_IN = [
  { name: "help", words: "help [COMMAND]", summary: "show help, or the options of a command" },
  { name: "version", words: "version", summary: "print the version (also -V and --version)" },
] as const;

/** Describes a command; undefined if it is not for people. */
export function describeCommand(name: string, command: CommandClass): CommandHelp | undefined {
  const { usage } = command;
  if (usage === undefined) {
    return undefined;
  }
  const titles = { ...TITLES, ...(command as Titled).titles };
  const declarations = declarationsOf(command);
  const shown = [...declarations.filter(isShown), HELP];
  return {
    name,
    summary: usage.description ?? "",
    paragraphs: paragraphsOf(usage.details ?? ""),
    examples: (usage.examples ?? []).map(([purpose, words]) => [
      purpose,
      words.replaceAll("$0", "blockcopy"),
    ]),
    operands: declarations.filter(({ names }) => names.length === 0),
    sections: GROUPS.map((group) => ({
      title: titles[group],
      options: shown.filter((option) => option.group === group),
    })).filter(({ options }) => options.length > 0),
  };
}

/** Returns the command line in short: `blockcopy sync [OPTIONS] SOURCE DESTINATION...`. */
export function synopsis({ name, operands }: CommandHelp): string {
  const words = operands.map(({ kind, isOptional, isRepeated }) => {
    const word = `${kind?.name}${isRepeated === true ? "..." : ""}`;
    return isOptional === true ? `[${word}]` : word;
  });
  return ["blockcopy", name, "[OPTIONS]", ...words].join(" ");
}

/** Returns the names of an option with its value: `-e, --rsh COMMAND`. */
export function signature({ names, kind }: Declaration): string {
  return names.join(", ") + (kind === undefined ? "" : ` ${kind.name}`);
}

function isShown(declaration: Declaration): declaration is ShownOption {
  return declaration.group !== undefined;
}

function paragraphsOf(text: string): string[] {
  return text
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replaceAll(/\s+/g, " ").trim())
    .filter((paragraph) => paragraph !== "");
}
