import { Command, type CommandClass } from "clipanion";

import { operand } from "../../commands/options/declare.ts";
import { oneOf } from "../../commands/options/one-of.ts";
import { printAnswer } from "../answer.ts";
import type { CommandHelp } from "../help/schema.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** Loads the function that makes the script for a shell. Other commands start faster without them. */
const MAKERS = {
  bash: async () => (await import("./bash.ts")).bash,
  zsh: async () => (await import("./zsh.ts")).zsh,
  fish: async () => (await import("./fish.ts")).fish,
};

/** `blockcopy completion SHELL` */
abstract class CompletionCommand extends Command {
  static override paths = [["completion"]];

  static override usage = Command.Usage({
    description: "print the completions for a shell: bash, zsh or fish",
    details: `
      Prints a script that completes the commands, options and fixed values of blockcopy, and the names of files. Have the shell read it at its start.
    `,
    examples: [
      ["bash", "$0 completion bash > /etc/bash_completion.d/blockcopy"],
      ["zsh", "$0 completion zsh > /usr/local/share/zsh/site-functions/_blockcopy"],
      ["fish", "$0 completion fish > ~/.config/fish/completions/blockcopy.fish"],
    ],
  });

  shell = operand(oneOf("SHELL", SHELLS));

  /** Describes all commands for people. */
  protected abstract describeCommands(): Promise<CommandHelp[]>;

  override async execute(): Promise<number> {
    const make = await MAKERS[this.shell]();
    return printAnswer(make(await this.describeCommands()));
  }
}

/** Returns the class of the command. It is given the commands, because they include this one. */
export function completionOf(describeCommands: () => Promise<CommandHelp[]>): CommandClass {
  return class extends CompletionCommand {
    protected override describeCommands(): Promise<CommandHelp[]> {
      return describeCommands();
    }
  };
}
