import { constants } from "node:os";

import { type EngineFailure, isEngineFailure } from "./engine-failure.ts";
import { AddonError } from "../native/load.ts";
import { ProtocolError } from "../protocol/error.ts";
import { AdvisedError } from "../blocks/context.ts";
import { adviceOnMissing } from "./path-advice.ts";
import { SpoolError } from "../transport/streams/spool.ts";
import { OpenError, ReaderGoneError, StreamError } from "./stream-errors.ts";
import { AGAIN, adviceOnSystem, adviceOnUnsynced } from "./system-advice.ts";

const { ENOSPC, EDQUOT } = constants.errno;

/** What to do about a copy that was cut off. */
export const RUN_AGAIN = `run it again: ${AGAIN}`;

const REPORT = "this is a fault of blockcopy: please report it with the lines above";

const BY_KIND: Readonly<Record<string, string>> = {
  "not-a-file": "give a regular file or a block device",
  sealed: "take the flag away first (`lsattr` shows it; `chattr -i`, `chattr -a`)",
  "read-only":
    "make it writable (a device with `blockdev --setrw`, a file system by mounting it anew), or choose another destination",
  busy: "free it first, or use --force if you know that nothing else writes to it",
  locked: "run it again when that has ended (`lslocks` shows who has locked what)",
  "not-direct": "leave out `--direct on`: without it, direct I/O is used wherever it is possible",
  "no-identity":
    "leave out --cached and --update-digests: nothing would tell whose digests they are",
  "no-memory": "free memory and run again",
  "no-threads": "raise the limit on processes (`ulimit -u`, TasksMax) and run again",
  "beyond-end":
    "the source is larger than the destination: choose a destination that is large enough",
  "corrupt-block":
    "nothing of this block was written; check what lies between the two hosts and run again",
  "wrong-digest":
    "nothing of this block was written; check what lies between the two hosts and run again",
  sync: "do not trust the destination: check the disk (dmesg, smartctl), then copy it again from the beginning",
  "no-simd": "unset BLOCKCOPY_SIMD: the fastest that this CPU has is then used",
  internal: REPORT,
  shrank: "keep the file as it is while it is copied, or copy a snapshot",
};

/** What the person who reads the message of a failure of `stage` can do about it. */
export function adviceOn(error: unknown, stage: string): string {
  if (error instanceof AdvisedError) {
    return error.advice;
  }
  if (isEngineFailure(error)) {
    return adviceOnEngine(error, stage);
  }
  if (error instanceof ProtocolError) {
    return stage === "inspect" ? adviceOnInspected(error) : adviceOnProtocol(error);
  }
  if (error instanceof ReaderGoneError) {
    return "look at the messages of the stage that reads it";
  }
  if (error instanceof StreamError) {
    return error.code === "ENOSPC"
      ? "make room where the stream is written to and run again"
      : "check what the stream is connected to and run again";
  }
  if (error instanceof OpenError) {
    return error.code === "EACCES" || error.code === "EPERM"
      ? "run as a user who may read it"
      : "give the name of a file that holds a stream";
  }
  if (error instanceof SpoolError) {
    return "see that there is such a folder, with room, that this user may write to, or name another one with TMPDIR";
  }
  if (error instanceof AddonError) {
    return error.advice;
  }
  return REPORT;
}

/** Actions of the engine that are done to a source too. */
const READING = ["open", "read", "stat", "find the size of", "identify"];

function adviceOnEngine(error: EngineFailure, stage: string): string {
  const { kind, path = "", errno = 0, action = "" } = error;
  const writes = !READING.includes(action);
  const role = stage === "retrieve" || (stage === "sync" && !writes) ? "source" : "destination";
  if (kind === "not-found") {
    return adviceOnMissing(path, role);
  }
  if (kind === "sync" && (errno === ENOSPC || errno === EDQUOT)) {
    return adviceOnUnsynced(path);
  }
  return BY_KIND[kind] ?? adviceOnSystem({ path, role, errno, writes });
}

function adviceOnProtocol(error: ProtocolError): string {
  switch (error.code) {
    case "closed":
    case "truncated-command":
    case "truncated-frame":
      return "the stage before this one failed or was cut off: look at its messages, then run all of it again";
    case "unknown-command":
      return "what arrives is not a stream of blockcopy, or was damaged on the way: check the command before the pipe, and that no shell's profile on its host writes to standard output";
    case "other-stream":
      return "put the stages in order: `blockcopy checksum DESTINATION | blockcopy retrieve SOURCE | blockcopy save DESTINATION`";
    case "no-trailer":
      return "all blocks are written and synced; what else was asked for needs this version of `blockcopy retrieve`, without BLOCKCOPY_WIRE";
    case "no-root":
      return "all blocks are written and synced, but not read back: use --verify=written, or copy all of the source and run it again";
    case "out-of-order":
      return "leave out --verify, or let this version of `blockcopy retrieve` make the stream, without BLOCKCOPY_WIRE";
    case "not-asked":
      return "another program stands at the other end, or something between the two: look at what runs there, then run it again";
    case "outside":
      return "nothing was written there: do not trust the source, or what stands between; look at what runs there and run it again";
    case "unsupported":
      return "install the newer of the two versions of blockcopy on both hosts";
    default:
      return "the stream was damaged on the way, or comes from another program";
  }
}

/** Nothing stands before `inspect` that could be run again at once: the stream is most likely in a file. */
function adviceOnInspected(error: ProtocolError): string {
  switch (error.code) {
    case "closed":
    case "truncated-command":
    case "truncated-frame":
      return "whatever wrote the stream failed or was cut off: make the stream again";
    case "unknown-command":
      return error.offset === 0
        ? "this is not a stream of blockcopy, or it is compressed: give what `blockcopy checksum` or `blockcopy retrieve` wrote"
        : "the stream is damaged from here on: make it again";
    case "other-stream":
      return "two streams are mixed here: keep each in a file of its own";
    case "bad-tail":
      return "make the stream again; without this, `blockcopy save` can write the blocks, but not use --truncate, -t, -p, -o, -g or --verify=full";
    case "unsupported":
      return "look at it with the version of blockcopy that wrote it";
    default:
      return "the stream is damaged from here on, or another program wrote it: make it again";
  }
}
