import { ExitCode } from "../../errors/exit-codes.ts";
import { OR_FORCE } from "../../errors/system-advice.ts";
import { VERSION } from "../../native/installation.ts";
import { bytesOf } from "../../native/names.ts";
import type { Sizes } from "../../blocks/destination-sizes.ts";
import { EVENTS_VERSION, eventLine } from "../../ui/event-lines.ts";
import type { StageEvent } from "../../ui/programs/event-schema.ts";
import type { RemoteEndpoint } from "../connection/endpoint.ts";
import { type RemoteOptions, connectCommand } from "../connection/remote-command.ts";
import { quoteWord, splitHome } from "../connection/shell-words.ts";

/** A stage of blockcopy 0.0.2 on another host, and what the shell there does before and after it. */
export interface LegacyStage {
  /** The stage and its options. */
  words: readonly string[];
  /** Refuse a device that is mounted, or that has a mounted partition or volume. */
  unmounted?: boolean;
  /** Refuse a file or device whose size differs from the one here. */
  size?: Size | undefined;
  /** Sync the file or device after the stage. */
  synced?: boolean;
}

/** The size of the local end. */
export interface Size {
  /** Bytes. */
  here: number;
  is: "source" | "destination";
  /** Sizes that the destination may have. */
  sizes: Sizes;
}

/** Placeholder in an event for a value that the shell there finds out. No name contains it. */
const FOUND = "\u0001";

/** The variable that {@link setFile} sets in the shell there, quoted. */
const FILE = '"$file"';

/**
 * Returns the command that runs a stage of blockcopy 0.0.2 on another host. The shell there does what that stage lacks, in the same
 * connection, and prints the events of a stage of this version: it runs, its file is refused or could not be synced, it is done.
 *
 * @throws UsageError if `remote.rsh` is not a command
 */
export function legacyCommand(
  end: RemoteEndpoint,
  { words, unmounted, size, synced }: LegacyStage,
  remote: RemoteOptions,
): [string, ...string[]] {
  // 0.0.2 takes a dash for an option, or for standard input.
  const named = end.path.startsWith("-") ? `./${end.path}` : end.path;
  const root = remote.sudo ? "sudo -n " : "";
  const program = remote.remoteCommand ?? "blockcopy";
  const script = [
    // The events are those of this version, whatever runs there.
    tell({ event: "hello", blockcopy: VERSION, events: EVENTS_VERSION }),
    // Makes a newer program there use the legacy protocol too.
    "export BLOCKCOPY_WIRE=0.0.2",
    setFile(named),
    ...(unmounted === true ? [refuseMounted()] : []),
    ...(size === undefined ? [] : [refuseSize(root, size)]),
    tell({ event: "begin", total: null }),
    `${root}${program} ${words.map(quoteWord).join(" ")} ${FILE} || exit`,
    ...(synced === true ? [sync(root)] : []),
    // Exit code 0 alone may come from another program.
    tell({ event: "end", outcome: null }),
  ];
  return connectCommand(end, remote, `sh -c ${quoteWord(script.join("; "))}`);
}

/**
 * Returns a line that sets a shell variable to the name of the file, byte for byte. The name is encoded, so that all shells see one line of
 * ASCII; only a home folder is left for expansion. The dot keeps line feeds at the end of a name, which `$(…)` would remove.
 */
function setFile(path: string): string {
  const { home, rest } = splitHome(path);
  const encoded = bytesOf(rest)
    .toString("latin1")
    .replaceAll(
      /[^A-Za-z0-9_./-]/g,
      (byte) => `\\0${byte.charCodeAt(0).toString(8).padStart(3, "0")}`,
    );
  return `home=${home}; file=$home$(printf %b. '${encoded}'); file=\${file%.}`;
}

/** Returns a line that refuses a mounted device. lsblk(8) lists its partitions and volumes too; it prints nothing for a file. */
function refuseMounted(): string {
  const mounted = failure(
    `the destination, or a partition or volume on it, is mounted on ${FOUND}`,
    `unmount it first${OR_FORCE}`,
    ExitCode.unavailable,
  );
  // Characters that would break the JSON of an event are replaced; no usual name has them.
  const names = `lsblk -nro MOUNTPOINT ${FILE} 2>/dev/null | grep -m 1 . | tr '\\\\"' __`;
  return `found=$(${names}); if [ -n "$found" ]; then ${tell(mounted)}; exit ${ExitCode.unavailable}; fi`;
}

function refuseSize(root: string, { here, is, sizes }: Size): string {
  // Operators that compare the remote size with the local one.
  const other = {
    same: "-ne",
    new: is === "source" ? "-gt" : "-lt",
    larger: is === "source" ? "-lt" : "-gt",
  };
  if (sizes === "any" || (sizes === "new" && is === "destination" && here === 0)) {
    return ":";
  }
  const [source, destination] = is === "source" ? [here, FOUND] : [FOUND, here];
  const differs = failure(
    `the source has ${source} bytes and the destination ${destination}`,
    "check that they are not swapped; make a file that is too short longer (`truncate -s`); --allow-larger leaves the end of a larger destination alone",
    ExitCode.usage,
  );
  const unknown: StageEvent = {
    event: "warning",
    message: "the size there cannot be found out: the sizes of both ends are not compared",
  };
  return [
    `if [ -b ${FILE} ]`,
    `then found=$(${root}blockdev --getsize64 ${FILE} 2>/dev/null)`,
    `else found=$(${root}stat -Lc %s ${FILE} 2>/dev/null)`,
    "fi",
    `if [ -z "$found" ]`,
    // If it does not exist, the stage reports that.
    `then if [ -e ${FILE} ]; then ${tell(unknown)}; fi`,
    `elif [ "$found" ${other[sizes]} ${here} ]`,
    `then ${tell(differs)}; exit ${ExitCode.usage}`,
    "fi",
  ].join("; ");
}

/** Returns a line that syncs the file, which 0.0.2 never does. sync(1) with a file calls fsync(2). */
function sync(root: string): string {
  const failed = failure(
    "the destination could not be synced",
    "do not trust it: check the disk (dmesg, smartctl), then copy it again from the beginning",
    ExitCode.io,
  );
  return `${root}sync ${FILE} || { ${tell(failed)}; exit ${ExitCode.io}; }`;
}

function failure(message: string, advice: string, code: number): StageEvent {
  return { event: "error", message, advice, code, consequence: false };
}

/** Returns a line that prints an event, with the value of `$found` in place of {@link FOUND}. */
function tell(event: StageEvent): string {
  // JSON has an escape for the control character.
  const mark = JSON.stringify(FOUND).slice(1, -1);
  const parts = eventLine(event).text.split(mark).map(quoteWord);
  // Not echo, which expands escapes in some shells.
  return `printf '%s\\n' ${parts.join('"$found"')} >&2`;
}
