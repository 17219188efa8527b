// oxlint-disable-next-line no-restricted-imports -- Node runs nothing whose name is not UTF-8
import { promises } from "node:fs";
import { join } from "node:path";

import { glibcNeeded } from "./glibc.ts";
import { parts, VERSION } from "../../native/installation.ts";
import { DIGESTS, digestsOf, type Files, pack, sha256 } from "./archive.ts";

/** The file that keeps a package where it is sent, below the program's folder; scripts/build-cli.ts makes it. */
const KEEPER = "dist/cli/install.js";

/** The program of this installation, as it is sent to a host that has none. */
export interface Package {
  /** The folder that it is kept in: its version and a part of its digest. */
  name: string;
  /** SHA-256 of the digests of all of its files. */
  digest: string;
  files: Files;
  /** The version of glibc that its engine asks for. */
  glibc: string | undefined;
}

/**
 * Reads the program that runs, with its engine.
 *
 * @throws AddonError when there is no engine here; errors of the system
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
 * A package as a script for Node, an ECMAScript module, that keeps it in a folder: {@link keepPackage} with its arguments. One that was cut off on its way
 * is no script.
 */
export function selfKeeping({ files }: Package): Buffer {
  const keeper = files.get(KEEPER);
  if (keeper === undefined) {
    throw new Error(`this installation has no ${KEEPER}`);
  }
  return Buffer.concat([
    Buffer.from(`const PACKAGE="${pack(files).toString("base64")}";\n`),
    keeper,
  ]);
}

/** Files, and those in folders, whose names end with a slash. */
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
