import { basename, dirname } from "node:path";

import { addonFile } from "./load.ts";
import { requireFromRoot, ROOT } from "./root.ts";
import { SINGLE } from "./single.ts";

/** This version of the program. */
export const VERSION: string =
  SINGLE?.version ?? (requireFromRoot("./package.json") as { version: string }).version;

/** The files of the program, without those of the library. */
export const PROGRAM = ["package.json", "LICENSE", "dist/cli/", "dist/THIRD-PARTY-LICENSES.txt"];

/** A folder of this installation, and the files in it that the program needs. */
export interface InstalledPart {
  folder: string;
  /** Its path in an installation, relative to the folder of the program; empty for that folder itself. */
  place: string;
  /** Names of files, and of folders, which end with a slash. */
  files: readonly string[];
}

/**
 * Returns all that is needed to run the program elsewhere on the same platform.
 *
 * @throws AddonError when there is no engine here
 */
export function parts(): InstalledPart[] {
  const { path, package: name } = addonFile();
  return [
    { folder: ROOT, place: "", files: PROGRAM },
    {
      folder: dirname(path),
      place: `node_modules/${name}/`,
      files: ["package.json", "THIRD-PARTY-LICENSES.txt", basename(path)],
    },
  ];
}
