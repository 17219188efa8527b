import { VERSION } from "../../native/installation.ts";
import { bytesOf } from "../../native/names.ts";
import type { Sizes } from "../../blocks/sizes.ts";
import { EVENTS_VERSION, eventLine, type StageEvent } from "../../ui/event-lines.ts";
import type { RemoteEndpoint } from "../connection/endpoint.ts";
import { type RemoteOptions, startable } from "../connection/remote-command.ts";
import { quoteWord, splitHome } from "../connection/shell-words.ts";

/** A stage of blockcopy 0.0.2 on another host, and what the shell there does around it. */
export interface PeerStage {
  /** The stage and its options. */
  words: readonly string[];
  /** Refuse a device that is mounted, or has something on it that is. */
  unmounted?: boolean;
  /** Refuse a file or device of another size than that of the one here. */
  size?: Size | undefined;
  /** Have what was written on the disk. */
  synced?: boolean;
}

/** The size that the file or device here has, in bytes, what it is, and how large the destination may be. */
export interface Size {
  here: number;
  is: "source" | "destination";
  sizes: Sizes;
}

/** Stands in an event for what the shell there knows: it is in no name that anybody uses. */
const FOUND = "\u0001";

/** The variable that {@link setFile} sets in the shell there, as a word of its own. */
const FILE = '"$file"';

/**
 * The command that runs a stage of blockcopy 0.0.2 where its file is. What that stage does not do and the shell there can is done in the same
 * connection, and told by events, as a stage of this program would: that it runs, that its file is refused, or could not be synced, and that it is done.
 *
 * @throws UsageError when `remote.rsh` is no command
 */
export function peerCommand(
  end: RemoteEndpoint,
  { words, unmounted, size, synced }: PeerStage,
  remote: RemoteOptions,
): [string, ...string[]] {
  // It takes a dash for an option, or for its standard input.
  const named = end.path.startsWith("-") ? `./${end.path}` : end.path;
  const root = remote.sudo ? "sudo -n " : "";
  const program = remote.remoteCommand ?? "blockcopy";
  const script = [
    // It is this version that tells, whatever runs there.
    tell({ event: "hello", blockcopy: VERSION, events: EVENTS_VERSION }),
    // A newer program there speaks it as well.
    "export BLOCKCOPY_WIRE=0.0.2",
    setFile(named),
    ...(unmounted === true ? [refuseMounted()] : []),
    ...(size === undefined ? [] : [refuseSize(root, size)]),
    tell({ event: "begin", total: null }),
    `${root}${program} ${words.map(quoteWord).join(" ")} ${FILE} || exit`,
    ...(synced === true ? [sync(root)] : []),
    // An exit code of 0 may be that of something else.
    tell({ event: "end", outcome: null }),
  ];
  return startable(end, remote, `sh -c ${quoteWord(script.join("; "))}`);
}

/**
 * Has the shell there remember the name of the file, byte for byte. It is encoded, so that no shell on the way sees anything but ASCII, on one line; only a home folder
 * is left for it to look up. The dot keeps the ends of lines that a name may end with.
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

/** lsblk(8) knows of partitions and of volumes on them too; of a file, or where it is missing, it says nothing. */
function refuseMounted(): string {
  const mounted = failure(
    `the destination, or what is on it, is mounted on ${FOUND}`,
    "unmount it first, or use --force if you know that nothing else writes to it",
    69,
  );
  // What would not be right in an event is in no usual name.
  const names = `lsblk -nro MOUNTPOINT ${FILE} 2>/dev/null | grep -m 1 . | tr '\\\\"' __`;
  return `found=$(${names}); if [ -n "$found" ]; then ${tell(mounted)}; exit 69; fi`;
}

function refuseSize(root: string, { here, is, sizes }: Size): string {
  // The one there is compared with the one here.
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
    64,
  );
  const unknown: StageEvent = {
    event: "warning",
    message: "how large it is cannot be looked up there: the sizes of both ends are not compared",
  };
  return [
    `if [ -b ${FILE} ]`,
    `then found=$(${root}blockdev --getsize64 ${FILE} 2>/dev/null)`,
    `else found=$(${root}stat -Lc %s ${FILE} 2>/dev/null)`,
    "fi",
    `if [ -z "$found" ]`,
    // Of one that is missing, the stage says so.
    `then if [ -e ${FILE} ]; then ${tell(unknown)}; fi`,
    `elif [ "$found" ${other[sizes]} ${here} ]`,
    `then ${tell(differs)}; exit 64`,
    "fi",
  ].join("; ");
}

/** 0.0.2 never does; sync(1) of a file or device is fsync(2). */
function sync(root: string): string {
  const failed = failure(
    "the destination could not be synced",
    "do not trust it: check the disk (dmesg, smartctl), then copy it again from the beginning",
    74,
  );
  return `${root}sync ${FILE} || { ${tell(failed)}; exit 74; }`;
}

function failure(message: string, advice: string, code: number): StageEvent {
  return { event: "error", message, advice, code, consequence: false };
}

/** Prints an event, with what was found in its place. */
function tell(event: StageEvent): string {
  // In an event, a control character is a sequence.
  const mark = JSON.stringify(FOUND).slice(1, -1);
  const parts = eventLine(event).text.split(mark).map(quoteWord);
  // Not echo, which some shells have take sequences for something else.
  return `printf '%s\\n' ${parts.join('"$found"')} >&2`;
}
