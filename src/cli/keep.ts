// Runs on a host that has no blockcopy: `sync` sends it there with a package in front of it, as a module on Node's standard input. It is a bundle of its own,
// so that it needs no other file.
import { keepPackage } from "../transport/kept-package.ts";
import { printLine } from "../ui/stderr.ts";

/** The package: what is in front of this module. */
declare const PACKAGE: string;

const [folder = "", digest = ""] = process.argv.slice(2);
try {
  await keepPackage(folder, digest, Buffer.from(PACKAGE, "base64"));
  printLine(`kept in ${folder}`);
} catch (error) {
  printLine(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
