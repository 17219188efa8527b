import * as t from "typanion";

import { UsageError } from "../../errors/copy-error.ts";
import { refuseBareHost } from "../../sync/connection/endpoint.ts";
import { exists } from "../../transport/files/small-file.ts";
import { isStandardInput } from "../../transport/streams/standard-input.ts";
import { refuse } from "./refuse.ts";

/** A name of a file or device. An empty one is most likely a variable of a script that was never set. */
export const isFileName: t.StrictValidator<unknown, string> = t.makeValidator({
  test: (value, state): value is string =>
    (typeof value === "string" && value !== "") ||
    refuse(state, "the name is empty; give that of a file or device"),
});

/** `-` stands for standard input elsewhere, but a stage that reads a stream from it has none to spare. */
export function refuseStandardInput(file: string): void {
  if (isStandardInput(file)) {
    throw new UsageError(
      `file_path must be actual file or device, not \`${file}\``,
      "give its name",
    );
  }
}

/**
 * Refuses a name of another host's file in place of one here, unless there is a file of that name.
 *
 * @param stage the command, as a person would run it there
 * @throws UsageError
 */
export function refuseHost(stage: string, file: string): void {
  if (!exists(file)) {
    refuseBareHost(file);
  }
  const [, host, path] = /^(\[[^\]/]+\]|[^/:[\]]+):(.*)$/s.exec(file) ?? [];
  if (host !== undefined && !exists(file)) {
    throw new UsageError(
      `${file} names a file of another host, and \`${stage}\` works on files of this one`,
      `use \`blockcopy sync\`, or run \`ssh ${host} blockcopy ${stage} ${path}\`; for a file here, give ./${file}`,
    );
  }
}

/** The name of a file of this host. One that looks like a file of another host would be made or read here, under a strange name. */
export const isFileHere: t.StrictValidator<unknown, string> = t.makeValidator({
  test: (value, state): value is string =>
    isFileName(value, state) &&
    (!isFar(value) || refuse(state, `${refusal(value)}; ${adviceOn(value)}`)),
});

/**
 * Refuses the name of another host's file as the value of an option that takes one of this host.
 *
 * @throws UsageError
 */
export function refuseFar(option: string, file: string | undefined): void {
  if (file !== undefined && isFar(file)) {
    throw new UsageError(`${option}: ${refusal(file)}`, adviceOn(file));
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
