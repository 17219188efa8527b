import { UsageError } from "../../errors/copy-error.ts";
import type { CopyOptions } from "../../sync/stage-arguments.ts";
import { refuseEmptyRange } from "./offset.ts";

/** The options of `sync`, as they were given. */
export interface SyncOptions extends CopyOptions {
  rsh: string | undefined;
  remoteCommand: string | undefined;
  sudo: boolean;
  wire: string | undefined;
  noBootstrap: boolean;
  quiet: boolean;
  json: boolean;
  verbose: boolean;
  metrics: string | undefined;
  /** The file that the map goes into; true for wherever the summary goes. */
  drawn: string | boolean;
  /** True if both ends are on this host. */
  isHere: boolean;
}

/** Options that cannot be used in some case. */
interface Conflict {
  /** The case. */
  when: (copy: SyncOptions) => boolean;
  /** The options, each with whether it is given. */
  options: (copy: SyncOptions) => Readonly<Record<string, boolean>>;
  message: (option: string) => string;
  advice: string;
}

const ONE = "leave one of them out";

/**
 * Every combination of options that contradicts itself, or in which an option would be ignored. What has no effect only because
 * nothing is left for it to do stays allowed: `--dry-run` takes the options of the copy that it rehearses, `--streams 1` is the default,
 * `--no-bootstrap` also fits `--remote-command` and `--wire`, and `-q --json` says nothing on standard error.
 */
const CONFLICTS: readonly Conflict[] = [
  {
    when: ({ streams }) => (streams ?? 1) > 1,
    options: ({ verify, digestCache, ranges, delta }) => ({
      "--verify=full": verify === "full",
      "--digest-cache": digestCache !== undefined,
      "--ranges": ranges !== undefined,
      "--delta": delta !== undefined,
    }),
    message: (option) => `${option} is not for --streams: no stream sees all of the copy`,
    advice: `${ONE} (--verify=written is possible)`,
  },
  {
    when: ({ ranges }) => ranges !== undefined,
    options: ({ start, end }) => ({ "--start": start !== undefined, "--end": end !== undefined }),
    message: (option) => `--ranges cannot be used with ${option}`,
    advice: "give a map that has the range alone: a line `OFFSET LENGTH`",
  },
  {
    when: ({ digestCache }) => digestCache !== undefined,
    options: ofPart,
    message: (option) => `--digest-cache is not for ${option}: it is of all of a file`,
    advice: ONE,
  },
  {
    when: ({ delta }) => delta !== undefined,
    options: ofPart,
    message: (option) => `${option} is not for --delta, which has to know all of the destination`,
    advice: ONE,
  },
  {
    when: ({ delta }) => delta !== undefined,
    options: ({ dryRun }) => ({ "--dry-run": dryRun }),
    message: (option) =>
      `${option} is not for --delta, which writes to no destination, but its file`,
    advice: ONE,
  },
  {
    when: ({ delta }) => delta !== undefined,
    options: writing,
    message: (option) =>
      `${option} is not for --delta, with which nothing is written to the destination`,
    advice: "give it to the `save` that takes the delta later",
  },
  {
    when: ({ dryRun }) => dryRun,
    options: ({ verify }) => ({ [`--verify=${verify}`]: verify !== "none" }),
    message: (option) =>
      `${option} is not for --dry-run, which writes nothing that could be read back`,
    advice: ONE,
  },
  {
    when: ({ truncate }) => truncate,
    options: ({ allowLarger }) => ({ "--allow-larger": allowLarger }),
    message: (option) =>
      `${option} contradicts --truncate: that cuts the end off, and this leaves it`,
    advice: ONE,
  },
  {
    when: ({ owner, group }) => !owner && !group,
    options: ({ numericIds }) => ({ "--numeric-ids": numericIds }),
    message: (option) => `${option} says how -o and -g take owner and group, and neither is given`,
    advice: "add -o, -g or both, or leave it out",
  },
  {
    when: ({ quiet }) => quiet,
    options: ({ verbose, drawn, json }) => ({
      "--verbose": verbose,
      "--map": drawn === true && !json,
    }),
    message: (option) => `${option} says more, and --quiet nothing`,
    advice: `${ONE} (--map=FILE.svg is possible)`,
  },
  {
    when: ({ quiet, json, metrics, drawn }) =>
      quiet && !json && metrics === undefined && typeof drawn !== "string",
    options: ({ dryRun }) => ({ "--dry-run": dryRun }),
    message: (option) => `${option} only says what would be sent, and --quiet nothing`,
    advice: `${ONE}, or add --json or --metrics`,
  },
  {
    when: ({ isHere }) => isHere,
    options: ({ sudo, remoteCommand, wire, rsh, noBootstrap }) => ({
      "--sudo": sudo,
      "--remote-command": remoteCommand !== undefined,
      "--wire": wire !== undefined,
      "--rsh": rsh !== undefined,
      "--no-bootstrap": noBootstrap,
    }),
    message: (option) => `${option} is for copies between hosts, and both ends are here`,
    advice: "leave it out, or name the other host: HOST:PATH",
  },
];

/**
 * Refuses the options of `sync` that exclude one another, or that would be ignored.
 *
 * @throws UsageError
 */
export function refuseTogether(copy: SyncOptions): void {
  refuseEmptyRange(copy);
  for (const { when, options, message, advice } of CONFLICTS) {
    const [option] = (when(copy) && Object.entries(options(copy)).find(([, given]) => given)) || [];
    if (option !== undefined) {
      throw new UsageError(message(option), advice);
    }
  }
}

/** The options that restrict a copy to a part. */
function ofPart({ start, end, ranges }: SyncOptions): Readonly<Record<string, boolean>> {
  return {
    "--start": start !== undefined,
    "--end": end !== undefined,
    "--ranges": ranges !== undefined,
  };
}

/** The options that say how a destination is written to; not those that also say how large it may be. */
function writing(copy: SyncOptions): Readonly<Record<string, boolean>> {
  const { force, lock, sparse, verify, times, perms, owner, group, numericIds } = copy;
  return {
    "--force": force,
    "--lock": lock,
    "--sparse": sparse,
    "--verify": verify !== "none",
    "--times": times,
    "--perms": perms,
    "--owner": owner,
    "--group": group,
    "--numeric-ids": numericIds,
  };
}
