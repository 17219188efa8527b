import { BUILT_IN, type CommandHelp, type ShownOption } from "../help/schema.ts";

/** Makes the completions for zsh 5 or later. */
export function zsh(commands: readonly CommandHelp[]): string {
  const all = [...commands, ...BUILT_IN].map(({ name, summary }) => [name, summary] as const);
  return `#compdef blockcopy
# zsh completion for blockcopy; made by \`blockcopy completion zsh\`

_blockcopy() {
  local curcontext=$curcontext state line ret=1
  local -a commands
  commands=(
${all.map(([name, summary]) => `    ${quoted(`${name}:${summary}`)}`).join("\n")}
  )
  _arguments -C \\
    '(- *)'{-h,--help}'[Print help]' \\
    '(- *)'{-V,--version}'[Print the version]' \\
    '1:command:->command' \\
    '*::argument:->argument' && ret=0
  case $state in
    command) _describe command commands && ret=0 ;;
    argument)
      case $words[1] in
${commands.map(caseOf).join("\n")}
        help) _describe command commands && ret=0 ;;
      esac
      ;;
  esac
  return ret
}

if [[ $funcstack[1] == _blockcopy ]]; then
  _blockcopy "$@"
else
  compdef _blockcopy blockcopy
fi
`;
}

function caseOf({ name, operands, sections }: CommandHelp): string {
  const specs = [
    ...sections.flatMap(({ options }) => options.map(optionSpec)),
    ...operands.map(({ kind, isOptional, isRepeated }, at) =>
      quoted(
        `${isRepeated === true ? "*" : at + 1}:${isOptional === true ? ":" : ""}${kind?.name}:${action(kind)}`,
      ),
    ),
  ];
  return `        ${name})
          _arguments -s \\
${specs.map((spec) => `            ${spec}`).join(" \\\n")} && ret=0
          ;;`;
}

/** Makes the specification of an option. All its names exclude each other. */
function optionSpec({ names, kind, text }: ShownOption): string {
  const what = `[${text.replaceAll(/[[\]\\]/g, "\\$&")}]`;
  const value = kind === undefined ? "" : `:${kind.name}:${action(kind)}`;
  const spelled = names.map((name) =>
    kind === undefined ? name : `${name}${name.startsWith("--") ? "=" : "+"}`,
  );
  return spelled.length === 1
    ? quoted(`${spelled[0]}${what}${value}`)
    : `${quoted(`(${names.join(" ")})`)}{${spelled.join(",")}}${quoted(what + value)}`;
}

function action(kind: ShownOption["kind"]): string {
  if (kind?.words !== undefined) {
    return `(${kind.words.join(" ")})`;
  }
  return kind?.isFile === true ? "_files" : " ";
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
