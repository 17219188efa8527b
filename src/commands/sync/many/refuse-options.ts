import { UsageError } from "../../../errors/copy-error.ts";
import type { Declaration } from "../../options/declare.ts";

/** The options that a copy to several destinations has. Any other is refused: what is not listed has not been thought through for it. */
const POSSIBLE: ReadonlySet<string> = new Set([
  "--destinations",
  "--create",
  "--truncate",
  "--allow-larger",
  "--sparse",
  "--force",
  "--lock",
  "--verify",
  "--archive",
  "--times",
  "--perms",
  "--owner",
  "--group",
  "--numeric-ids",
  "--dry-run",
  "--snapshot",
  "--snapshot-size",
  "--before",
  "--after",
  "--hook-timeout",
  "--rsh",
  "--remote-command",
  "--sudo",
  "--bootstrap",
  "--no-bootstrap",
  "--timeout",
  "--transport",
  "--ports",
  "--listen",
  "--bind",
  "--compress",
  "-z",
  "--bwlimit",
  "--digest",
  "--block-size",
  "--direct",
  "--threads",
  "--queue-depth",
  "--quiet",
  "--progress",
  "--stats",
  "--json",
  "--verbose",
]);

const ONE_PART = "the source is read as a whole, once for all of them";
const ONE_FILE = "it names one file, for one destination";

/** The reasons for those that people may expect to be possible. */
const REASONS: Readonly<Record<string, string>> = {
  "--start": ONE_PART,
  "--end": ONE_PART,
  "--ranges": ONE_PART,
  "--audit": ONE_PART,
  "--incremental": "a base counts from one destination",
  "--streams": "each of them has one connection",
  "--wire": "blockcopy 0.0.2 does not say which blocks it has",
  "--delta": ONE_FILE,
  "--digest-cache": ONE_FILE,
  "--map": "the change map is that of one destination",
  "--map-file": ONE_FILE,
  "--metrics": ONE_FILE,
  "--source-format": "images are only read for one destination, so it can only be raw",
  "--destination-format": "images are only written one at a time, so it can only be raw",
};

/**
 * Refuses the options of a command that a copy to several destinations does not have.
 *
 * @param declared a command of the same class, as it is before the command line has been read
 * @throws UsageError
 */
export function refuseOptions(command: object & { source: string }, declared: object): void {
  const { source } = command;
  const given = new Map<string, unknown>(Object.entries(command));
  for (const [key, field] of Object.entries(declared)) {
    const names = (field as { declaration?: Declaration } | undefined)?.declaration?.names ?? [];
    const name = names.find((known) => known.startsWith("--")) ?? names[0];
    if (name !== undefined && isGiven(name, given.get(key)) && !POSSIBLE.has(name)) {
      const reason = REASONS[name] ?? "it has a meaning for one destination only";
      if (name === "--map" && /\.svg$/i.test(source)) {
        throw new UsageError("--map takes no value", `give --map-file ${source}`);
      }
      throw new UsageError(
        `${name} does not work with several destinations: ${reason}`,
        "leave it out, or run one `sync` for each destination",
      );
    }
  }
}

/** True for an option that says something else than what holds without it. */
function isGiven(name: string, value: unknown): boolean {
  const usual = { "--streams": 1, "--source-format": "raw", "--destination-format": "raw" }[name];
  return ![undefined, false, "none", usual].includes(value as never);
}
