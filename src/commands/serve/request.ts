import { homedir, userInfo } from "node:os";

import { isExport } from "../../native/export.ts";
import { bytesOf, decodedName, nameOf } from "../../native/names.ts";
import { RefusedError, type Stage } from "./refused-error.ts";

/** A stage that `sync` asks for, in words. */
export interface Request {
  stage: Stage;
  /** The options, as `sync` writes them: without those that name the file. */
  options: readonly string[];
  /** The file, as an absolute path. */
  file: string;
}

/** The words that a stage was asked for with. */
interface StageWords {
  stage: Stage;
  words: readonly string[];
  /** True if root should run it. */
  sudo: boolean;
}

/** Advice for whoever does something else. */
export const ONLY = "run `blockcopy sync` or `blockcopy compare`";

/**
 * Reads a command line that `sync` has written for the login shell of this host. No shell reads it, so what it asks a shell for is not
 * done: only the words for the stage count.
 *
 * @throws RefusedError
 */
export function parseRequest(line: string): Request {
  const { stage, words, sudo } = stageWords(line);
  if (sudo) {
    throw new RefusedError(stage, "--sudo", "leave it out: the key decides who runs the stage");
  }
  const end = words.indexOf("--");
  if (end < 0) {
    // `sync` always writes it: this is a stage that a person has joined to others, whom events would not help.
    throw new RefusedError(undefined, "any other command", ONLY);
  }
  const [name, ...more] = words.slice(end + 1);
  if (name === undefined || more.length > 0) {
    throw new RefusedError(stage, "anything but one file", "name one file or device");
  }
  const { options, home, isEncoded } = splitFileOptions(stage, words.slice(0, end));
  const decoded = isEncoded ? decodedName(name) : name;
  if (decoded === undefined) {
    throw new RefusedError(stage, `the name ${name}`, "name a file or device");
  }
  if (isExport(home + decoded)) {
    throw new RefusedError(stage, "an export of an NBD server", "name a file or device there");
  }
  // Two pieces that are not UTF-8 may be UTF-8 together, and the engine returns names as `nameOf` does.
  const file = nameOf(bytesOf(absolutePath(stage, home + decoded)));
  return { stage, options, file };
}

/** Finds the words for the stage in what `sync` writes: `sh -c SCRIPT blockcopy STAGE …`, or COMMAND STAGE … with `--remote-command`. */
function stageWords(line: string): StageWords {
  const words = wordsIn(line) ?? [];
  const [first = "", second, script = "", zero] = words;
  if (first === "sh" && second === "-c" && zero === "blockcopy") {
    return checkedStage(words.slice(4), { sudo: /\bsudo\b/.test(script) });
  }
  const sudo = first === "sudo" && second === "-n";
  const [program = "", ...rest] = sudo ? words.slice(2) : words;
  if (!/(?:^|\/)blockcopy$/.test(program)) {
    throw new RefusedError(undefined, "any other command", ONLY);
  }
  return checkedStage(rest, { sudo });
}

function checkedStage(
  [stage, ...words]: readonly string[],
  { sudo }: { sudo: boolean },
): StageWords {
  if (stage === undefined) {
    const advice = "install blockcopy there, in the PATH of sshd";
    throw new RefusedError(undefined, "sending or installing blockcopy", advice);
  }
  if (stage !== "retrieve" && stage !== "receive") {
    throw new RefusedError(undefined, "any other command", ONLY);
  }
  return { stage, words, sudo };
}

/** A piece of a word as `quoteWord` of `sync` writes it; a word may begin with a tilde, for a home folder. */
const PIECE = /[A-Za-z0-9_./:=@+,%-]+|'[^'\p{Cc}]*'|\\['\\!]|(?<=^| )~/uy;

/** Splits a command line into words. Returns undefined for a line that `sync` does not write, such as one with more than one command. */
function wordsIn(line: string): string[] | undefined {
  const words = [""];
  PIECE.lastIndex = 0;
  for (let at = 0; at < line.length; at = PIECE.lastIndex) {
    if (line[at] === " ") {
      words.push("");
      PIECE.lastIndex = at + 1;
      continue;
    }
    const [piece] = PIECE.exec(line) ?? [];
    if (piece === undefined) {
      return undefined;
    }
    words[words.length - 1] += unquoted(piece);
  }
  return words;
}

/** Returns the text of a piece: between its quotes, or after its backslash. */
function unquoted(piece: string): string {
  switch (piece[0]) {
    case "'":
      return piece.slice(1, -1);
    case "\\":
      return piece.slice(1);
    default:
      return piece;
  }
}

/** The options of a stage, and those on its file. */
interface FileOptions {
  options: string[];
  home: string;
  isEncoded: boolean;
}

function splitFileOptions(stage: Stage, words: readonly string[]): FileOptions {
  const found: FileOptions = { options: [], home: "", isEncoded: false };
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (word === "--encoded") {
      found.isEncoded = true;
    } else if (word === "--home") {
      at += 1;
      found.home = words[at] ?? "";
    } else if (/^--[a-z]/.test(word)) {
      found.options.push(word);
    } else {
      throw new RefusedError(stage, `the word ${word}`, "give only what `blockcopy sync` gives");
    }
  }
  return found;
}

/** Returns a path that begins at the root. Only the home folder of the user who has logged in is known, as a shell would know it. */
function absolutePath(stage: Stage, path: string): string {
  if (/^~[^/]/.test(path)) {
    throw new RefusedError(stage, "the home folder of another user", "give an absolute path");
  }
  return path.startsWith("/") ? path : `${homeFolder()}/${path.replace(/^~(?:\/|$)/, "")}`;
}

/** Returns the home folder, whatever the environment says. */
function homeFolder(): string {
  try {
    return userInfo().homedir;
  } catch {
    // A user without a name.
    return homedir();
  }
}
