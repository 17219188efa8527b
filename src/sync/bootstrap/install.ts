// Runs on a host that has no blockcopy: `sync` sends it there with a package in front of it, as a module on Node's standard input. It is a bundle of its own,
// so that it needs no other file.
import { isBytes } from "../../native/names.ts";
import { givenWords } from "../../native/arguments.ts";
import { keepPackage } from "./installed-package.ts";
import { printLine } from "../../ui/stderr.ts";

/** The package: what is in front of this module. */
declare const PACKAGE: string;

try {
  const [folder = "", digest = ""] = givenWords(process.argv.slice(2));
  if (isBytes(folder)) {
    throw new Error(`Node runs nothing from ${folder}: give XDG_CACHE_HOME there a name in UTF-8`);
  }
  await keepPackage(folder, digest, Buffer.from(PACKAGE, "base64"));
  printLine(`kept in ${folder}`);
} catch (error) {
  printLine(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
