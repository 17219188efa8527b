// Direct I/O (O_DIRECT): whether the temporary filesystem offers it, and one that takes it back.
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../programs/cli.ts";
import { system } from "../programs/tools.ts";

/** The reason that temporary files cannot be accessed past the page cache here, or `false`. */
export function lackingDirect(): string | false {
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-direct-"));
  try {
    closeSync(openSync(join(folder, "probe"), constants.O_CREAT | constants.O_DIRECT));
    return false;
  } catch {
    return `the filesystem of ${tmpdir()} refuses O_DIRECT`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The environment in which anything under `path` can be opened with O_DIRECT, and reads and writes with it fail with
 * EINVAL; needs cc. `folder` is for what is built.
 */
export function refusing(folder: string, path: string): Record<string, string> {
  const library = join(folder, "refuse-direct.so");
  const source = join(PROJECT, "__test__/support/files/refuse-direct.c");
  system("cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl");
  return { LD_PRELOAD: library, REFUSE_DIRECT: path };
}
