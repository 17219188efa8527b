// Checks of the Debian package.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { Release } from "../release.ts";
import type { CleanRoot } from "./clean-root.ts";
import { assertNothingLeft, assertWorks } from "./installed.ts";

/** Fails if lintian finds errors. Warnings are printed. */
export function assertSoundDeb(file: string): void {
  execFileSync("lintian", ["--allow-root", "--fail-on", "error", file], { stdio: "inherit" });
}

/** Returns the files of a package with their rights and owners. */
export function filesOfDeb(file: string): string {
  const tar = execFileSync("dpkg-deb", ["--fsys-tarfile", file], { maxBuffer: 1 << 28 });
  return execFileSync("tar", ["--list", "--verbose"], { input: tar, encoding: "utf8" });
}

/** Installs a package with what it depends on, uses it and removes it. */
export function checkDeb(root: CleanRoot, file: string, release: Release): void {
  root.run("apt-get", "-qq", "update");
  copyFileSync(file, join(root.folder, "blockcopy.deb"));
  root.run("apt-get", "-qq", "install", "--yes", "--no-install-recommends", "/blockcopy.deb");
  root.run("rm", "/blockcopy.deb");
  assert.equal(root.run("dpkg", "--verify", "blockcopy"), "");
  assertWorks(root, release.version);
  root.run("apt-get", "-qq", "purge", "--yes", "blockcopy");
  assertNothingLeft(root);
}
