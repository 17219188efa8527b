import { BUILT_IN, type CommandHelp, type ShownOption } from "../help/schema.ts";

/** Functions that offer words, and the names of files. */
const HELPERS = `_blockcopy_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_blockcopy_files() {
  compopt -o filenames 2> /dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}`;

/** Makes the completions for bash 4 or later. */
export function bash(commands: readonly CommandHelp[]): string {
  const names = [...commands, ...BUILT_IN].map(({ name }) => name);
  return [
    "# bash completion for blockcopy; made by `blockcopy completion bash`",
    completer(commands, names),
    optionLister(commands),
    HELPERS,
    "complete -F _blockcopy blockcopy\n",
  ].join("\n\n");
}

/** Makes the function that bash calls. */
function completer(commands: readonly CommandHelp[], names: readonly string[]): string {
  return `_blockcopy() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command= option= i
  COMPREPLY=()
  # bash makes words of their own of the = in --option=value.
  if [[ $cur == = ]]; then
    option=$prev cur=
  elif [[ $prev == = && $COMP_CWORD -ge 2 ]]; then
    option=\${COMP_WORDS[COMP_CWORD - 2]}
  elif [[ $prev == -* ]]; then
    option=$prev
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${names.join(" | ")})
        command=\${COMP_WORDS[i]}
        break
        ;;
    esac
  done
  case $command:$option in
${commands.flatMap(valueCases).join("\n")}
  esac
  if [[ $cur == -* ]]; then
    _blockcopy_words "$(_blockcopy_options "$command")"
    return
  fi
  case $command in
    '' | help) _blockcopy_words '${names.join(" ")}' ;;
${commands.flatMap(operandCases).join("\n")}
    version) ;;
    *) _blockcopy_files ;;
  esac
}`;
}

/** Makes the function that prints the options of a command. */
function optionLister(commands: readonly CommandHelp[]): string {
  return `_blockcopy_options() {
  case $1 in
${commands
  .map(
    (command) =>
      `    ${command.name}) echo '${optionsOf(command)
        .flatMap(({ names: all }) => all)
        .join(" ")}' ;;`,
  )
  .join("\n")}
    '') echo '--help --version' ;;
  esac
}`;
}

function optionsOf({ sections }: CommandHelp): ShownOption[] {
  return sections.flatMap(({ options }) => options);
}

/** Makes the cases for the values of a command's options. */
function valueCases(command: CommandHelp): string[] {
  return optionsOf(command).flatMap(({ names, kind }) => {
    if (kind === undefined) {
      return [];
    }
    const patterns = names.map((name) => `${command.name}:${name}`).join(" | ");
    if (kind.words !== undefined) {
      return `    ${patterns}) _blockcopy_words '${kind.words.join(" ")}'; return ;;`;
    }
    return `    ${patterns}) ${kind.isFile === true ? "_blockcopy_files; " : ""}return ;;`;
  });
}

/** Makes the case for operands that are one of several words. */
function operandCases({ name, operands }: CommandHelp): string[] {
  const words = operands.flatMap(({ kind }) => kind?.words ?? []);
  return words.length === 0 ? [] : [`    ${name}) _blockcopy_words '${words.join(" ")}' ;;`];
}
