import { UsageError } from "../../errors/copy-error.ts";
import * as t from "typanion";

import { decodedName } from "../../native/names.ts";
import { refuse } from "./refuse.ts";

/** A name as `sync` hands it to a stage, where a shell might change it. */
export const isEncodedName: t.StrictValidator<unknown, string> = t.makeValidator({
  test: (value, state): value is string =>
    (typeof value === "string" && value !== "" && decodedName(value) !== undefined) ||
    refuse(state, `${JSON.stringify(value)} is not an encoded name`),
});

/** The file of a stage, as its words name it. */
interface FileWords {
  file: string;
  /** True if `file` is encoded. */
  encoded: boolean;
  /** A home folder that the shell has looked up, which `file` begins in. */
  home: string | undefined;
}

/**
 * Reads the name of the file that a stage was started for.
 *
 * @throws UsageError
 */
export function fileOf({ file, encoded, home = "" }: FileWords): string {
  if (!encoded) {
    return file;
  }
  const name = decodedName(file);
  if (name === undefined) {
    throw new UsageError(`${file} is not an encoded name`, "leave out --encoded");
  }
  return home + name;
}
