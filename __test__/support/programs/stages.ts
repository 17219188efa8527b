// A copy of one file over another, by each command that takes part in one or makes one.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, type Outcome, type RunOptions } from "./cli.ts";
import { dataFrame, DONE, restFrame } from "../wire/frames.ts";

/** All commands. */
export const COMMANDS = ["checksum", "retrieve", "save", "sync"] as const;

/** The name of a command. */
export type Command = (typeof COMMANDS)[number];

/** The arguments of a command: `checksum` and `retrieve` read all of the source, `save` and `sync` copy all of it. */
export interface Task {
  command: Command;
  source: string;
  destination: string;
}

/** Two files in `folder` that any command can work on. */
export function files(folder: string, source: Buffer, destination: Buffer): Omit<Task, "command"> {
  const task = { source: join(folder, "source"), destination: join(folder, "destination") };
  writeFileSync(task.source, source);
  writeFileSync(task.destination, destination);
  return task;
}

/** Runs a command with `options`. */
export function perform(
  { command, source, destination }: Task,
  options: readonly string[],
  surroundings: RunOptions = {},
): Promise<Outcome> {
  const words =
    command === "sync" ? [source, destination] : [command === "save" ? destination : source];
  const stdin = {
    checksum: undefined,
    retrieve: Buffer.concat([restFrame(0), DONE]),
    save: command === "save" ? Buffer.concat([...frames(readFileSync(source)), DONE]) : undefined,
    sync: undefined,
  }[command];
  return run([command, ...words, ...options], {
    ...surroundings,
    ...(stdin === undefined ? {} : { stdin }),
  });
}

function frames(content: Buffer): Buffer[] {
  const result: Buffer[] = [];
  for (let at = 0; at < content.length; at += 131_072)
    result.push(dataFrame(at, content.subarray(at, at + 131_072)));
  return result;
}
