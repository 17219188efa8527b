import { joinMap } from "../commands/options/map-option.ts";

/** Options that take a value, and the form of that value where it has one. A value of another form was most likely meant for something else. */
const VALUED: Readonly<Record<string, { name: string; form?: RegExp }>> = {
  "--start": { name: "OFFSET", form: /^\d/ },
  "--end": { name: "OFFSET", form: /^\d/ },
  "--ranges": { name: "MAP" },
  "--digest": { name: "ALGORITHM", form: /^(blake3|sha3-512)$/ },
  "--block-size": { name: "SIZE", form: /^\d/ },
  "--cached": { name: "DIGESTS" },
  "--digest-cache": { name: "DIGESTS" },
  "--update-digests": { name: "DIGESTS" },
  "--compress": { name: "METHOD", form: /^(none|auto|(lz4|zstd|lzma)(:\d+)?)$/ },
  "--verify": { name: "WHAT", form: /^(none|written|full)$/ },
  "--direct": { name: "WHEN", form: /^(on|off|auto)$/ },
  "--threads": { name: "COUNT", form: /^\d+$/ },
  "--queue-depth": { name: "COUNT", form: /^\d+$/ },
  "--bwlimit": { name: "RATE", form: /^\d/ },
  "--delta": { name: "FILE" },
  "--streams": { name: "COUNT", form: /^\d+$/ },
  "--wire": { name: "VERSION", form: /^0\.0\.2$/ },
  "-e": { name: "COMMAND" },
  "--rsh": { name: "COMMAND" },
  "--remote-command": { name: "COMMAND" },
  "--metrics": { name: "FILE" },
};

/** Example values for options that accept only a few. */
const EXAMPLES: Readonly<Record<string, string>> = {
  "--verify": "full",
  "--compress": "auto",
  "--direct": "on",
  "--digest": "blake3",
  "--wire": "0.0.2",
};

/** Says what is wrong with a command line that clipanion refuses, without the lines of usage that it adds. */
export function refusal(error: unknown, command: string, words: readonly string[]): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith("Extraneous positional argument")) {
    return command === "sync"
      ? "more than SOURCE and DESTINATION: a name with spaces needs quotes, and what is for ssh goes into -e, as in -e 'ssh -p 2222'"
      : "more than one FILE: a name with spaces needs quotes";
  }
  // Clipanion uses either wording, depending on the options that were given.
  if (/^(Not enough positional arguments|Command not found)/.test(message)) {
    return missingFile(command, words);
  }
  return message
    .replace(/\n\n.*/s, "")
    .replaceAll(/\s*\n\s*/g, " ")
    .replace(/\.$/, "");
}

/** Says that a file is missing, and which option has taken one as its value. */
function missingFile(command: string, words: readonly string[]): string {
  const missing = command === "sync" ? "SOURCE or DESTINATION is missing" : "FILE is missing";
  const taken = takenValues(words);
  const [option, value] =
    taken.find(([name, given]) => VALUED[name]?.form?.test(given) === false) ??
    taken.find(([name]) => VALUED[name]?.form === undefined) ??
    [];
  if (option === undefined || value === undefined) {
    return missing;
  }
  const { name } = VALUED[option] ?? { name: "FILE" };
  const written = option.startsWith("--")
    ? `${option}=${EXAMPLES[option] ?? name}`
    : `${option} ${name}`;
  return `${missing}: \`${value}\` was taken for the value of ${option} (as in ${written})`;
}

/** Options with the words after them that are their values. */
function takenValues(words: readonly string[]): [option: string, value: string][] {
  const end = words.indexOf("--");
  const options = joinMap(end < 0 ? words : words.slice(0, end));
  const taken: [string, string][] = [];
  for (let place = 0; place < options.length; place++) {
    const [option = "", value] = [options[place], options[place + 1]];
    const map = /^--map=(.*)$/.exec(option)?.[1];
    if (map !== undefined && !words.includes(option)) {
      taken.push(["--map", map]);
    } else if (option in VALUED && value !== undefined) {
      taken.push([option, value]);
      place++;
    }
  }
  return taken;
}
