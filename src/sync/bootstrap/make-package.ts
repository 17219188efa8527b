// oxlint-disable-next-line no-restricted-imports -- Node runs nothing whose name is not UTF-8
import { promises } from "node:fs";
import { join } from "node:path";

import { glibcNeeded } from "./glibc.ts";
import { parts, VERSION } from "../../native/installation.ts";
import { DIGESTS, digestsOf, type Files, pack, sha256 } from "./archive.ts";

/** The module that installs a package on another host, relative to the program's folder. Made by scripts/build-cli.ts. */
const INSTALLER = "dist/cli/install.mjs";

/** The files of this program, to be sent to another host. */
export interface Package {
  /** The folder that it is installed in: its version and a part of its digest. */
  name: string;
  /** SHA-256 of the file that lists the digests of all other files. */
  digest: string;
  files: Files;
  /** The version of glibc that its addon needs. */
  glibc: string | undefined;
}

/**
 * Reads the files of this program, with its addon.
 *
 * @throws AddonError if there is no addon; errors of the system
 */
export async function readPackage(): Promise<Package> {
  const files = new Map<string, Uint8Array>();
  for (const { folder, place, files: names } of parts()) {
    for (const name of await expand(folder, names)) {
      files.set(place + name, await promises.readFile(join(folder, name)));
    }
  }
  const digests = digestsOf(files);
  files.set(DIGESTS, digests);
  const digest = sha256(digests);
  const [, engine] = [...files].find(([name]) => name.endsWith(".node")) ?? [];
  const glibc = engine && glibcNeeded(engine);
  return { name: `${VERSION}-${digest.slice(0, 16)}`, digest, files, glibc };
}

/**
 * Makes an ECMAScript module for Node that contains a package and calls {@link installPackage}. If it is cut off on its way, Node refuses
 * it.
 */
export function installScript({ files }: Package): Buffer {
  const keeper = files.get(INSTALLER);
  if (keeper === undefined) {
    throw new Error(`this installation has no ${INSTALLER}`);
  }
  return Buffer.concat([
    Buffer.from(`const PACKAGE="${pack(files).toString("base64")}";\n`),
    keeper,
  ]);
}

/** Replaces each folder in a list, whose name ends with a slash, with all files in it. */
async function expand(folder: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) {
    if (!name.endsWith("/")) {
      found.push(name);
      continue;
    }
    const entries = await promises.readdir(join(folder, name), { withFileTypes: true });
    const inside = entries.map((entry) => `${name}${entry.name}${entry.isDirectory() ? "/" : ""}`);
    found.push(...(await expand(folder, inside)));
  }
  return found;
}
