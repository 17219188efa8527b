import * as t from "typanion";

import { UsageError } from "../../errors/copy-error.ts";
import { isExport } from "../../native/export.ts";
import { refuseBareHost } from "../../sync/connection/endpoint.ts";
import { exists } from "../../transport/files/small-file.ts";
import { isStandardInput } from "../../transport/streams/standard-input.ts";
import type { Kind } from "./declare.ts";
import { refuse } from "./refuse.ts";

/** Accepts any name but the empty one, which most likely is a variable that a script never set. */
const isFileName: t.StrictValidator<unknown, string> = t.makeValidator({
  test: (value, state): value is string =>
    (typeof value === "string" && value !== "") ||
    refuse(state, "the name is empty; give that of a file or device"),
});

/** Name of a file or device, on any host. */
export function fileName(name: string): Kind<string> {
  return { name, validator: isFileName, isFile: true };
}

/** Name of a file of this host. */
export function fileHere(name: string): Kind<string> {
  return { name, validator: isFileHere, isFile: true };
}

/** File of this host that the change map is written to. */
export const MAP_FILE: Kind<string> = {
  name: "FILE.svg",
  form: /\.svg$/i,
  isFile: true,
  validator: t.makeValidator({
    test: (value, state): value is string =>
      typeof value === "string" && /[^]\.svg$/i.test(value)
        ? isFileHere(value, state)
        : refuse(state, "the change map is an image: give a name that ends with .svg"),
  }),
};

/** Command with its arguments, as `-e` takes it. */
export const COMMAND: Kind<string> = { name: "COMMAND", validator: isFileName };

/**
 * Refuses `-`. In other commands it stands for standard input, but a stage already reads its stream from there, and needs a file.
 *
 * @throws UsageError
 */
export function refuseStandardInput(file: string): void {
  if (isStandardInput(file)) {
    throw new UsageError(
      `file_path must be actual file or device, not \`${file}\``,
      "give its name",
    );
  }
}

/**
 * Refuses the name of a remote file as the file of a stage, unless a local file has that name.
 *
 * @param stage the command to suggest for the other host
 * @throws UsageError
 */
export function refuseHost(stage: string, file: string): void {
  if (isExport(file)) {
    return;
  }
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

/** Accepts the name of a local file. The name of a remote one would be made or read here, under a strange name. */
const isFileHere: t.StrictValidator<unknown, string> = t.makeValidator({
  test: (value, state): value is string =>
    isFileName(value, state) &&
    (!isFar(value) || refuse(state, `${refusal(value)}; ${adviceOn(value)}`)),
});

/**
 * Refuses the name of a remote file as the value of an option that takes a local one.
 *
 * @throws UsageError
 */
export function refuseFar(option: string, file: string | undefined): void {
  if (file !== undefined && isFar(file)) {
    throw new UsageError(`${option}: ${refusal(file)}`, adviceOn(file));
  }
}

/** True if a name is written as `sync` takes that of a remote file, and no local file has it. */
function isFar(name: string): boolean {
  return /^(?:\[[^\]/]+\]|[^/:[\]]+):/.test(name) && !exists(name);
}

function refusal(name: string): string {
  return `${name} names a file of another host, and this option takes one of this host`;
}

function adviceOn(name: string): string {
  return `for a file here with a colon in its name, give ./${name}`;
}
