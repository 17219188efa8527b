import { UsageError } from "../../errors/copy-error.ts";
import type { CopyOptions } from "../../sync/stage-arguments.ts";
import { refuseUselessOptions } from "../../snapshots/snapshot-options.ts";
import { refuseNumericIds } from "../destination-command.ts";
import { refuseEmptyRange } from "../options/offset.ts";

/** Options of `sync` and `compare`, as given. Only `sync` has the optional one. */
interface SharedOptions {
  start: number | undefined;
  end: number | undefined;
  ranges: string | undefined;
  rsh: string | undefined;
  remoteCommand: string | undefined;
  sudo: boolean;
  wire?: string | undefined;
  bootstrap: string | undefined;
  noBootstrap: boolean;
  /** True if both ends are on this host. */
  isHere: boolean;
}

/** Options of `sync`, as given. */
export interface SyncOptions extends CopyOptions, SharedOptions {
  wire: string | undefined;
  /** `--transport` */
  transport: "ssh" | "tls" | "auto" | undefined;
  ports: object | undefined;
  listen: string | undefined;
  bind: string | undefined;
  quiet: boolean;
  json: boolean;
  verbose: boolean;
  progress: boolean;
  stats: boolean;
  /** `--map` */
  drawMap: boolean;
  metrics: string | undefined;
  auditRuns: number | undefined;
  auditState: string | undefined;
  mapFile: string | undefined;
  /** `-a`, which has set `times`, `perms`, `owner` and `group`. */
  archive: boolean;
}

/** Options that cannot be used in a certain case. */
interface Conflict<Options> {
  when: (given: Options) => boolean;
  /** True for each option that is given. */
  options: (given: Options) => Readonly<Record<string, boolean>>;
  message: (option: string) => string;
  advice: string;
}

const ONE = "leave one of them out";

/** Combinations that neither `sync` nor `compare` accepts. */
const OF_BOTH: readonly Conflict<SharedOptions>[] = [
  {
    when: ({ ranges }) => ranges !== undefined,
    options: ({ start, end }) => ({ "--start": start !== undefined, "--end": end !== undefined }),
    message: (option) => `--ranges cannot be used with ${option}`,
    advice: "give a range map that only has this range: a line `OFFSET LENGTH`",
  },
  {
    when: ({ noBootstrap }) => noBootstrap,
    options: ({ bootstrap }) => ({
      [`--bootstrap ${bootstrap}`]: bootstrap !== undefined && bootstrap !== "never",
    }),
    message: (option) => `${option} sends blockcopy, and --no-bootstrap sends nothing`,
    advice: ONE,
  },
  {
    when: ({ isHere }) => isHere,
    options: ({ sudo, remoteCommand, wire, rsh, bootstrap, noBootstrap }) => ({
      "--sudo": sudo,
      "--remote-command": remoteCommand !== undefined,
      "--wire": wire !== undefined,
      "--rsh": rsh !== undefined,
      "--bootstrap": bootstrap !== undefined,
      "--no-bootstrap": noBootstrap,
    }),
    message: (option) => `${option} is for copies between hosts, and both ends are on this one`,
    advice: "leave it out, or name the other host: HOST:PATH",
  },
];

/**
 * Combinations of options that contradict each other, or that would ignore an option. Options that merely have nothing to do stay
 * allowed: `--dry-run` takes the options of the copy that it stands for, `--streams 1` is the default, `--no-bootstrap` also works with
 * `--remote-command` and `--wire`, `--stats` asks for a summary that is printed anyway, and `-q --json` prints nothing on standard error.
 */
const OF_SYNC: readonly Conflict<SyncOptions>[] = [
  {
    when: ({ incremental }) => incremental !== undefined,
    options: ({ snapshot, ...given }) => ({
      ...ofPart(given),
      "--delta": given.delta !== undefined,
      "--streams": (given.streams ?? 1) > 1,
      "--digest-cache": given.digestCache !== undefined,
      "--transport": (given.transport ?? "ssh") !== "ssh",
      "--wire": given.wire !== undefined,
      "--dry-run": given.dryRun,
      [`--snapshot ${snapshot}`]: !["none", "thin", "auto"].includes(snapshot),
    }),
    message: (option) =>
      `${option} does not work with --incremental, which finds out by itself what to copy, from thin snapshots that it keeps`,
    advice: ONE,
  },
  {
    when: ({ incremental }) => incremental !== undefined,
    options: ({ verify }) => ({ "--verify=full": verify === "full" }),
    message: (option) =>
      `${option} does not work with --incremental, which does not read all of the source`,
    advice: "use --verify written, or --audit",
  },
  {
    when: ({ isHere }) => isHere,
    options: ({ transport, ...given }) => ({
      "--transport": transport !== undefined,
      ...ofTunnel(given),
    }),
    message: (option) => `${option} is for copies between hosts, and both ends are on this one`,
    advice: "leave it out, or name the other host: HOST:PATH",
  },
  {
    when: ({ transport = "ssh" }) => transport === "ssh",
    options: ofTunnel,
    message: (option) => `${option} is for direct connections, and this copy goes over ssh`,
    advice: "add --transport tls, or leave it out",
  },
  {
    when: ({ transport = "ssh" }) => transport !== "ssh",
    options: ({ wire, delta }) => ({
      "--wire": wire !== undefined,
      "--delta": delta !== undefined,
    }),
    message: (option) =>
      `${option} does not work with --transport: ${option === "--wire" ? "blockcopy 0.0.2 has no direct connections" : "some of what it sends passes through sync itself"}`,
    advice: `${ONE}; --transport ssh is the default`,
  },
  {
    when: ({ ranges, incremental }) => ranges === undefined && incremental === undefined,
    options: ({ auditRuns }) => ({ "--audit": auditRuns !== undefined }),
    message: (option) =>
      `${option} compares a share of what --ranges leaves out, and without --ranges everything is compared`,
    advice: "give --ranges or --incremental, or leave it out",
  },
  {
    when: ({ auditRuns }) => auditRuns === undefined,
    options: ({ auditState }) => ({ "--audit-state": auditState !== undefined }),
    message: (option) =>
      `${option} keeps which share --audit compares next, and --audit is missing`,
    advice: "give --audit, or leave it out",
  },
  {
    when: ({ dryRun }) => dryRun,
    options: ({ auditRuns }) => ({ "--audit": auditRuns !== undefined }),
    message: (option) =>
      `${option} does not work with --dry-run, which cannot repair what an audit finds`,
    advice: `${ONE}, or use \`blockcopy compare\``,
  },
  {
    when: ({ streams }) => (streams ?? 1) > 1,
    options: ({ snapshot }) => ({ [`--snapshot ${snapshot}`]: snapshot !== "none" }),
    message: (option) =>
      `${option} does not work with --streams: each stream would get a snapshot of another moment`,
    advice: `${ONE}, or make one snapshot yourself and copy that`,
  },
  {
    when: ({ digestCache }) => digestCache !== undefined,
    options: ofPart,
    message: (option) =>
      `--digest-cache does not work with ${option}: it has the digests of a whole file`,
    advice: ONE,
  },
  {
    when: ({ delta }) => delta !== undefined,
    options: ofPart,
    message: (option) =>
      `${option} does not work with --delta, which has to read the whole destination`,
    advice: ONE,
  },
  {
    when: ({ delta }) => delta !== undefined,
    options: ({ dryRun }) => ({ "--dry-run": dryRun }),
    message: (option) =>
      `${option} does not work with --delta, which does not write to the destination`,
    advice: ONE,
  },
  {
    when: ({ delta }) => delta !== undefined,
    options: writing,
    message: (option) =>
      `${option} does not work with --delta, which writes nothing to the destination`,
    advice: "give it to the `save` that applies the delta",
  },
  {
    when: ({ dryRun }) => dryRun,
    options: ({ verify }) => ({ [`--verify=${verify}`]: verify !== "none" }),
    message: (option) =>
      `${option} does not work with --dry-run, which writes nothing that could be read back`,
    advice: ONE,
  },
  {
    when: ({ truncate }) => truncate,
    options: ({ allowLarger }) => ({ "--allow-larger": allowLarger }),
    message: (option) =>
      `${option} contradicts --truncate: one keeps the end, the other cuts it off`,
    advice: ONE,
  },
  {
    when: ({ quiet }) => quiet,
    options: ({ verbose, progress, drawMap, json, stats }) => ({
      "--verbose": verbose,
      "--progress": progress,
      "--map": drawMap && !json && !stats,
    }),
    message: (option) => `${option} prints something, and --quiet only errors`,
    advice: `${ONE} (--map-file FILE.svg is possible)`,
  },
  {
    when: ({ quiet, json, stats, metrics, mapFile }) =>
      quiet && !json && !stats && metrics === undefined && mapFile === undefined,
    options: ({ dryRun }) => ({ "--dry-run": dryRun }),
    message: (option) => `${option} only prints what would be sent, and --quiet only errors`,
    advice: `${ONE}, or add --stats, --json or --metrics`,
  },
];

/**
 * Refuses the options of `sync` that exclude one another, or that would be ignored.
 *
 * @throws UsageError
 */
export function refuseTogether(copy: SyncOptions): void {
  refuseSharedConflicts(copy);
  refuseAny(OF_SYNC, copy);
  refuseNumericIds(copy);
  refuseUselessOptions(copy);
}

/**
 * Refuses the options of `sync` or `compare` that exclude one another in both.
 *
 * @throws UsageError
 */
export function refuseSharedConflicts(given: SharedOptions): void {
  refuseEmptyRange(given);
  refuseAny(OF_BOTH, given);
}

function refuseAny<Options>(conflicts: readonly Conflict<Options>[], given: Options): void {
  for (const { when, options, message, advice } of conflicts) {
    const [option] =
      (when(given) && Object.entries(options(given)).find(([, isGiven]) => isGiven)) || [];
    if (option !== undefined) {
      throw new UsageError(message(option), advice);
    }
  }
}

/** Options that restrict a copy to a part. */
function ofPart({
  start,
  end,
  ranges,
}: Pick<SyncOptions, "start" | "end" | "ranges">): Readonly<Record<string, boolean>> {
  return {
    "--start": start !== undefined,
    "--end": end !== undefined,
    "--ranges": ranges !== undefined,
  };
}

/** Options of direct connections. */
function ofTunnel({
  ports,
  listen,
  bind,
}: Pick<SyncOptions, "ports" | "listen" | "bind">): Readonly<Record<string, boolean>> {
  return {
    "--ports": ports !== undefined,
    "--listen": listen !== undefined,
    "--bind": bind !== undefined,
  };
}

/** Options for writing to a destination, except those that also decide how large it may be. */
function writing(copy: SyncOptions): Readonly<Record<string, boolean>> {
  const { force, lock, sparse, verify, archive, times, perms, owner, group, numericIds } = copy;
  return {
    "--force": force,
    "--lock": lock,
    "--sparse": sparse,
    "--verify": verify !== "none",
    "--archive": archive,
    "--times": times,
    "--perms": perms,
    "--owner": owner,
    "--group": group,
    "--numeric-ids": numericIds,
  };
}
