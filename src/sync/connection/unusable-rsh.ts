import { UsageError } from "../../errors/copy-error.ts";
import { splitWords } from "./shell-words.ts";

/** Options of ssh(1) that take a value, in the same word or the next one. */
const VALUED = "BbcDEeFIiJLlmOoPpQRSWw";

const EMPTY = "the stream would come from /dev/null";
const NO_COMMAND = "nothing would be run on the remote host";
const TERMINAL =
  "a terminal changes the bytes that go through it (for sudo with requiretty, change sudoers(5))";

/** Options of ssh(1) with which no stage can be run, with the reasons. */
const FLAGS: Readonly<Record<string, string>> = {
  n: EMPTY,
  f: `ssh would go into the background, and ${EMPTY}`,
  N: NO_COMMAND,
  s: NO_COMMAND,
  t: TERMINAL,
  W: NO_COMMAND,
  O: NO_COMMAND,
  G: NO_COMMAND,
  V: NO_COMMAND,
  Q: NO_COMMAND,
};

/** Settings of ssh_config(5) with the same effect. An option `-o` cannot be overridden by a later one. */
const SETTINGS: readonly [setting: RegExp, why: string][] = [
  [/^StdinNull[\s=]+yes$/i, EMPTY],
  [/^ForkAfterAuthentication[\s=]+yes$/i, `ssh would go into the background, and ${EMPTY}`],
  [/^SessionType[\s=]+(?:none|subsystem)$/i, NO_COMMAND],
  [/^RequestTTY[\s=]+(?:yes|force)$/i, TERMINAL],
  [/^RemoteCommand[\s=]+(?!none$)./i, "it would be run instead of blockcopy"],
];

/**
 * Refuses a remote shell with options with which no stage can be run.
 *
 * @throws UsageError, also if it is not a command
 */
export function refuseUnusableRsh(rsh: string): void {
  const words = splitWords(rsh);
  const programs = words.map(programOf);
  const place = Math.max(programs.lastIndexOf("ssh"), programs.lastIndexOf("rsh"));
  if (place < 0) {
    return;
  }
  const name = programs[place] ?? "";
  for (let at = place + 1; at < words.length; at++) {
    const word = words[at] ?? "";
    if (!word.startsWith("-")) {
      throw refused(name, word, "the host comes from SOURCE and DESTINATION");
    }
    for (let letter = 1; letter < word.length; letter++) {
      const flag = word[letter] ?? "";
      if (name === "ssh" ? flag in FLAGS : flag === "n") {
        throw refused(name, `-${flag}`, FLAGS[flag] ?? "");
      }
      if (VALUED.includes(flag)) {
        const value = letter + 1 < word.length ? word.slice(letter + 1) : (words[++at] ?? "");
        refuseSetting(name, flag, value);
        break;
      }
    }
  }
}

function refuseSetting(name: string, flag: string, value: string): void {
  const [, why] = SETTINGS.find(([setting]) => flag === "o" && setting.test(value.trim())) ?? [];
  if (why !== undefined) {
    throw refused(name, `-o ${value}`, why);
  }
}

function refused(name: string, option: string, why: string): UsageError {
  return new UsageError(`${name} cannot be used with ${option} (-e): ${why}`, "leave it out");
}

/** Returns the name of a program without its folder. */
function programOf(word: string): string {
  return word.slice(word.lastIndexOf("/") + 1);
}
