import { allCommands } from "../help/schema.ts";
import { bash } from "./bash.ts";
import { fish } from "./fish.ts";
import { zsh } from "./zsh.ts";

const MAKERS = { bash, zsh, fish } as const;

/** Makes the script that completes command lines of blockcopy in a shell. */
export async function completionFor(shell: keyof typeof MAKERS): Promise<string> {
  return MAKERS[shell](await allCommands());
}
