// The packages for npm.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { platformName, PLATFORMS } from "../../src/native/platform.ts";
import { assertPortable } from "../platforms/portable.ts";

/**
 * Packs a folder of the checkout for npm.
 *
 * @param homepage the repository, which npm compares with the provenance of a package; empty if it is not known
 * @throws Error if the program or the engine is missing, or the engine was built for this host alone
 */
export function packForNpm(folder: string, out: string, homepage: string): void {
  const platform = PLATFORMS.find((known) => platformName(known) === basename(folder));
  if (platform !== undefined) assertPortable(platform);
  else if (!existsSync("dist/cli/blockcopy"))
    throw new Error("dist/cli/blockcopy does not exist: npm run build:cli");
  if (homepage === "") {
    pack(folder, resolve(out));
    return;
  }
  const scratch = mkdtempSync(join(tmpdir(), "blockcopy-pack-"));
  try {
    execFileSync("tar", ["-xzf", join(scratch, pack(folder, scratch))], { cwd: scratch });
    const unpacked = join(scratch, "package");
    const repository = ["repository.type=git", `repository.url=git+${homepage}.git`];
    execFileSync("npm", ["pkg", "set", ...repository], { cwd: unpacked });
    pack(unpacked, resolve(out));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Packs a folder; returns the name of the file. */
function pack(folder: string, out: string): string {
  const options = ["--silent", "--ignore-scripts", "--pack-destination", out];
  return execFileSync("npm", ["pack", ...options, resolve(folder)], { encoding: "utf8" }).trim();
}
