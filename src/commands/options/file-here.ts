import * as t from "typanion";

import { OptionError } from "../../blocks/context.ts";
import { exists } from "../../transport/files/small-file.ts";
import { refuse } from "./refuse.ts";
import { isFileName } from "../stage-command.ts";

/** The name of a file of this host. One that looks like a file of another host would be made or read here, under a strange name. */
export const isFileHere: t.StrictValidator<unknown, string> = t.makeValidator({
  test: (value, state): value is string =>
    isFileName(value, state) &&
    (!isFar(value) || refuse(state, `${refusal(value)}; ${adviceOn(value)}`)),
});

/**
 * Refuses the name of another host's file as the value of an option that takes one of this host.
 *
 * @throws OptionError
 */
export function refuseFar(option: string, file: string | undefined): void {
  if (file !== undefined && isFar(file)) {
    throw new OptionError(`${option}: ${refusal(file)}`, adviceOn(file));
  }
}

/** True if a name is written as `sync` takes the name of another host's file, and no file here has it. */
function isFar(name: string): boolean {
  return /^(?:\[[^\]/]+\]|[^/:[\]]+):/.test(name) && !exists(name);
}

function refusal(name: string): string {
  return `${name} names a file of another host, and this option takes one of this host`;
}

function adviceOn(name: string): string {
  return `for a file here with a colon in its name, give ./${name}`;
}
