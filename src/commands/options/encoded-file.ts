import { UsageError } from "../../errors/copy-error.ts";
import * as t from "typanion";

import { decodedName } from "../../native/names.ts";
import type { Kind } from "./declare.ts";
import { refuse } from "./refuse.ts";

/** Name of a file, encoded by `sync` because a shell might change it. */
export const ENCODED_NAME: Kind<string> = {
  name: "NAME",
  validator: t.makeValidator({
    test: (value, state): value is string =>
      (typeof value === "string" && value !== "" && decodedName(value) !== undefined) ||
      refuse(state, `${JSON.stringify(value)} is not an encoded name`),
  }),
};

/** Words of a stage's command line that name its file. */
interface FileWords {
  file: string;
  /** True if `file` is encoded. */
  encoded: boolean;
  /** Home folder, found by the shell, that `file` is relative to. */
  home: string | undefined;
}

/**
 * Returns the name of the file that a stage was started for.
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
