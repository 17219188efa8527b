// Runs on a host without blockcopy: `sync` sends this module, with a package in front of it, to the standard input of Node. It is bundled
// separately, because it must not need any other file.
import { isBytes } from "../../native/names.ts";
import { givenWords } from "../../native/arguments.ts";
import { installPackage } from "./install-package.ts";
import { printLine } from "../../ui/stderr.ts";
import { messageOf } from "../../errors/message-of.ts";

/** The package, which `sync` defines in front of this module. */
declare const PACKAGE: string;

try {
  const [folder = "", digest = ""] = givenWords(process.argv.slice(2));
  if (isBytes(folder)) {
    throw new Error(
      `Node cannot run programs from ${folder}; set XDG_CACHE_HOME there to a name in UTF-8, or install blockcopy there`,
    );
  }
  await installPackage(folder, digest, Buffer.from(PACKAGE, "base64"));
  printLine(`kept in ${folder}`);
} catch (error) {
  printLine(messageOf(error));
  process.exitCode = 1;
}
