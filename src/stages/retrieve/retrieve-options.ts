import type { Sizes } from "../../blocks/destination-sizes.ts";
import type * as Binding from "../../native/binding.js";
import type { SourceDescription } from "../../protocol/source-fields.ts";
import type { Snapshot } from "../../snapshots/snapshot.ts";
import type { Announce, IncrementalCopy } from "../../incremental/incremental-copy.ts";
import type { SnapshotOptions } from "../../snapshots/snapshot-options.ts";
import type { FormatChoice } from "../image/format.ts";
import type { Compress } from "./compression.ts";

/** Options of `retrieve`. */
export interface RetrieveOptions {
  /** File or device to copy from. */
  file: string;
  /** The format of FILE, for the warning if it was not given. */
  image: FormatChoice;
  /** Compression of the changed blocks. */
  compress: Compress;
  /** Write byte for byte what blockcopy 0.0.2 would. */
  legacy: boolean;
  /** Sizes that the destination may have, if the hash stream names its size. */
  sizes: Sizes;
  /** Offsets that the file must reach; undefined for any. */
  needs: { start: number | undefined; end: number | undefined };
  /** Size of the source when the copy began: what it has grown by since is not copied. Undefined for its size now. */
  size: number | undefined;
  /** The hash stream asks for all of the source, so the progress can show a total. */
  whole: boolean;
  /** Only count what would be sent. */
  dryRun: boolean;
  /** Called if another process may write to the file; undefined to skip that check. */
  inUse: ((message: string) => void) | undefined;
  /** The snapshot to copy instead of the file. */
  snapshot: SnapshotOptions;
  /** Compare only what has changed since the last copy with this name, and tell `sync` what that is; undefined for a usual copy. */
  incremental: { name: string; announce: Announce } | undefined;
  /** True if a message may suggest a snapshot: who reads it can choose one. */
  suggestsSnapshot: boolean;
  /** Most bytes to send per second; undefined for no limit. */
  rate: number | undefined;
  /** Report how much differs in each part of the source. */
  map: boolean;
  /** In a dry run, report each range that differs. */
  ranges: boolean;
  /** Refuse a hash stream without a seal. */
  sealed: boolean;
  /** Read holes too, instead of taking them for zeros. */
  readHoles: boolean;
}

/** The opened source, with what the block stream says about it. */
export interface OpenSource {
  /** The bytes to copy: the file or device that was named, or a snapshot of it. */
  source: Binding.Source;
  /** The file or device that was named. */
  origin: Binding.Source;
  snapshot: Snapshot | undefined;
  /** The copy that keeps the snapshot, if the copy is incremental. */
  incremental: IncrementalCopy | undefined;
  description: SourceDescription;
  /** Bytes of its data, holes excluded, once a hash stream has asked for them. All of its hash streams get the same answer. */
  data?: Promise<number>;
}
