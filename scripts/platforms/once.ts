import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/** The folder of everything that the tests of platforms download. */
export const FOLDER = resolve("target/tools/hosts");

/** Returns a folder that is filled once. One with that name is complete. */
export function once(name: string, fill: (scratch: string) => void): string {
  const folder = join(FOLDER, name);
  if (!existsSync(folder)) {
    const scratch = `${folder}.${process.pid}`;
    mkdirSync(scratch, { recursive: true });
    try {
      fill(scratch);
      renameSync(scratch, folder);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  return folder;
}
