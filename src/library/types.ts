// The types of the library, which its users see. They import nothing of the program: dist/types has only the files of this folder.
import type { Readable } from "node:stream";

/** Counters of a copy. docs/events.md says what each one counts. */
export interface Counts {
  blocks: number;
  changed: number;
  sent: number;
  plain: number;
  packed: number;
}

/** Something that happens while an operation runs. Skip events and fields that you do not know: later versions add some. */
export type CopyEvent =
  /** The program runs. */
  | { event: "hello"; blockcopy: string; events: number }
  /** All ends are open. `total` is the number of bytes to work on; null if it is unknown. */
  | { event: "begin"; total: number | null }
  | {
      event: "progress";
      /** Bytes that are done. */
      done: number;
      counts: Readonly<Record<string, number>>;
      /** Bytes per second. Only `sync` and `compare` tell it. */
      rate?: number | undefined;
      /** The bottleneck; null if it is unclear. Only `sync` and `compare` tell it. */
      limit?: Bottleneck | null | undefined;
    }
  /** Other work goes on, such as reading back; null when it is done. */
  | { event: "aside"; aside: { what: string; total: number; done: number } | null }
  | { event: "warning"; message: string }
  | ({ event: "map" } & ChangeMap)
  /** The operation has succeeded. `outcome` is the result in words. */
  | { event: "end"; outcome: string | null }
  /** A line for people: of ssh, of a shell on the other host, or a detail with `verbose`. */
  | { event: "line"; line: string }
  /** An event of a newer version. */
  | { event: "unknown" };

/** The slowest part of a copy. */
export interface Bottleneck {
  what: "cpu" | "disk" | "link" | "bwlimit";
  side: "source" | "destination" | null;
  host: string | null;
}

/** The bytes that differ in each part of the source. */
export interface ChangeMap {
  /** Bytes of the source. */
  length: number;
  /** Bytes per part. */
  bucket: number;
  /** Bytes that differ, for each part. */
  changed: number[];
}

/** The result of a copy in numbers. docs/events.md says what each one counts. */
export interface CopySummary {
  read: number;
  same: number;
  blocks: number;
  changed: number;
  sent: number | null;
  plain: number;
  packed: number;
  verified: string | null;
  dryRun: boolean;
  sizes: { source: number; destination: number } | null;
  seconds: number;
  /** The findings of the audit, in bytes and blocks; only with `audit`. A run in which it finds something ends with an error. */
  audit?: Audit | undefined;
}

/** The audit of one of several parts of a destination. */
export interface Audit {
  /** Bytes outside of the range map that were compared. */
  compared: number;
  /** Number of blocks that differed there. */
  blocks: number;
  /** Bytes of these blocks that lie there. */
  bytes: number;
  /** Offset of the first of these bytes; null if nothing differed. */
  first: number | null;
  /** Number of the part, from 1. */
  part: number;
  /** Number of parts. */
  parts: number;
}

export interface SyncResult {
  /** The result in words, in several lines. */
  outcome: string;
  /** The result in numbers; null where no stage counts: between two other hosts with `wire: "0.0.2"`. */
  summary: CopySummary | null;
  /** The change map, with `map: true`. */
  map: ChangeMap | undefined;
}

/** The result of a comparison. */
export interface Comparison {
  /** True if both have the same bytes, and, unless only a part was compared, the same length. */
  equal: boolean;
  /** Lengths in bytes; null if only a part was compared. */
  sizes: { a: number; b: number } | null;
  /** Number of blocks of `a` that differ from `b`, or that `b` is too short for. */
  blocks: number;
  /** Bytes of these blocks. */
  bytes: number;
  /** Offset of the first of these blocks; null if all are equal. */
  first: number | null;
  /** The change map, with `map: true`. */
  map: ChangeMap | undefined;
}

/** The result of `checksum` or `retrieve`. */
export interface StageResult {
  /** The result in words; null if there is nothing to say. */
  outcome: string | null;
  /** Bytes that were read or compared. */
  done: number;
  counts: Counts;
}

/** The result of `save`. */
export interface SaveResult extends StageResult {
  /** The verification by reading back that has passed. */
  verified: "none" | "written" | "full";
}

/** The root digest of a file or device: the same for equal content, with the same algorithm and block size. */
export interface RootDigest {
  algorithm: "sha3-512" | "blake3";
  blockSize: number;
  /** Length of the file or device in bytes. */
  size: number;
  /** The digest, in hexadecimal digits. */
  root: string;
}

/** Options of all operations. */
export interface Control {
  /** Ends the operation as SIGTERM ends the command: what has been written is synced first. */
  signal?: AbortSignal | undefined;
}

/** An operation that runs: its events, and its result. */
export interface Run<Result> extends AsyncIterable<CopyEvent> {
  /** Resolves when the operation has succeeded; rejects with a `BlockcopyError`. */
  readonly result: Promise<Result>;
  /** The process that does the work; undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Returns an iterator of the events, which throws the error if the operation fails. Leaving the loop does not end the operation. */
  [Symbol.asyncIterator](): AsyncIterator<CopyEvent, undefined>;
}

/** An operation that also writes a stream. */
export interface StreamRun<Result> extends Run<Result> {
  /** The stream. It ends only after a success, and is destroyed with the error after a failure. */
  readonly output: Readable;
}
