import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

/**
 * Writes the declarations of the library to a folder: those of its entry point, and of the files that these import. Types are not checked.
 *
 * @throws Error if they import anything outside the folder of the entry point: the rest of the program is not part of the API
 */
export function writeTypes(entry: string, out: string): void {
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-types-"));
  try {
    const options = ["--ignoreConfig", "--declaration", "--emitDeclarationOnly", "--noCheck"];
    const language = ["--target", "es2023", "--module", "nodenext", "--allowImportingTsExtensions"];
    const places = ["--rootDir", "src", "--outDir", folder];
    execFileSync("node_modules/.bin/tsc", [...options, ...language, ...places, entry]);
    mkdirSync(out);
    const declarations = join(folder, relative("src", dirname(entry)));
    for (const name of imported(declarations, "index.d.ts")) {
      const text = readFileSync(join(declarations, name), "utf8");
      writeFileSync(join(out, name), text.replaceAll(/(["'])(\.\/[\w-]+)\.ts\1/g, '"$2.js"'));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Lists a declaration file and those that it imports. */
function imported(folder: string, first: string): Set<string> {
  const names = new Set([first]);
  for (const name of names) {
    const text = readFileSync(join(folder, name), "utf8");
    for (const [, path = ""] of text.matchAll(/(?:from|import\()\s*["'](\.[^"']*)["']/g)) {
      const file = /^\.\/([\w-]+)\.ts$/.exec(path)?.[1];
      if (file === undefined) throw new Error(`the types of the library import ${path} (${name})`);
      names.add(`${file}.d.ts`);
    }
  }
  return names;
}
