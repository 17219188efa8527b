import { ExitCode, SIGNAL_EXIT_CODES } from "../../errors/exit-codes.ts";
import type { Entry } from "../help/layout.ts";

const MEANINGS: Readonly<Record<keyof typeof ExitCode, string>> = {
  different: "`compare`: the two are not equal",
  success: "success; for `save` and `sync`: everything is on the disk",
  usage:
    "usage: an unknown option, a bad offset or range map, a range outside the file, neither a file nor a block device, a terminal, sizes that differ (`sync`), `--direct on` where that is not possible",
  differs:
    "the destination is not what it should be: read back (`--verify`), as an image, or because it was removed, replaced, cut off or written to meanwhile",
  noInput: "a file does not exist",
  unavailable:
    "not now: the destination is in use (mounted, held, locked, open elsewhere), a snapshot of the source cannot be made, memory or threads are short, blockcopy or its engine cannot start; for `sync`: no connection, or no `blockcopy` on the other host",
  internal: "internal error: a fault of blockcopy; please report it",
  notKept:
    "the copy is complete and on the disk, but its digests (`--update-digests`, `--digest-cache`), change map, metrics or events could not be written, or its snapshot could not be removed",
  io: "I/O error: a read, a write or the final sync failed, no space is left, the source became shorter, or its snapshot was lost",
  later:
    "run it again: the destination is locked (`--lock`), the connection or a stage was cut off, or one was silent for `--timeout`",
  protocol: "protocol error: the stream ended early, is damaged, or does not fit the destination",
  permission: "permission denied, a read-only device, or a digest cache that others may change",
  otherDestination:
    "for another destination: a delta or digests that do not belong to this one; nothing was written or sent",
  incompleteMap:
    "the copy is complete and on the disk, but `--audit` has found differences outside the range map, and repaired them",
  readerGone: "the reader of the output has ended; see its message",
};

const SIGNALS: Entry = [SIGNAL_EXIT_CODES.join(", "), "ended by SIGHUP, SIGINT or SIGTERM"];

/** Exit codes and their meanings, in ascending order. */
export const EXIT_CODES: readonly Entry[] = [
  ...Object.entries(ExitCode).map(([name, code]): Entry => [
    String(code),
    MEANINGS[name as keyof typeof ExitCode],
  ]),
  SIGNALS,
].sort(([one], [other]) => Number.parseInt(one, 10) - Number.parseInt(other, 10));
