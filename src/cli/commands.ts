import type { CommandClass } from "clipanion";

import type { CommandHelp } from "./help/schema.ts";

/** Loads the commands, in the order of help. Each comes from a file of its own, so that none waits for the others to be compiled. */
const LOADERS: Readonly<Record<string, () => Promise<CommandClass>>> = {
  sync: async () => (await import("../commands/sync.ts")).SyncCommand,
  compare: async () => (await import("../commands/compare.ts")).CompareCommand,
  checksum: async () => (await import("../commands/checksum.ts")).ChecksumCommand,
  retrieve: async () => (await import("../commands/retrieve.ts")).RetrieveCommand,
  save: async () => (await import("../commands/save.ts")).SaveCommand,
  serve: async () => (await import("../commands/serve.ts")).ServeCommand,
  inspect: async () => (await import("../commands/inspect.ts")).InspectCommand,
  completion: async () => (await import("./completion/command.ts")).completionOf(describeCommands),
  receive: async () => (await import("../commands/receive.ts")).ReceiveCommand,
};

/** Names of the commands, except `receive`, which only `sync` calls. */
export const COMMAND_NAMES: readonly string[] = Object.keys(LOADERS).filter(
  (name) => name !== "receive",
);

/** Loads the class of a command; undefined if there is no such command. */
export async function loadCommand(name: string): Promise<CommandClass | undefined> {
  return Object.hasOwn(LOADERS, name) ? LOADERS[name]?.() : undefined;
}

/** Describes all commands for people, in the order of help. */
export async function describeCommands(): Promise<CommandHelp[]> {
  const descriptions = await Promise.all(COMMAND_NAMES.map(describeNamed));
  return descriptions.flatMap((description) => description ?? []);
}

/** Describes a command; undefined if there is no such command for people. */
export async function describeNamed(name: string): Promise<CommandHelp | undefined> {
  const command = await loadCommand(name);
  if (command === undefined) {
    return undefined;
  }
  const { describeCommand } = await import("./help/schema.ts");
  return describeCommand(name, command);
}
