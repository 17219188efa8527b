import type { BlockRequest } from "../../blocks/bounds.ts";
import type { Part } from "../../blocks/part.ts";
import type { DigestCache } from "../../digests/digest-cache.ts";
import type { DigestName, Hashing } from "../../protocol/digest.ts";
import type { HashEncoder } from "../../protocol/hash-stream/encoder.ts";
import type { Coverage, ExtentList } from "../../ranges/extents.ts";
import type { Input } from "../../transport/streams/input.ts";
import type { Answers } from "../../blocks/answers.ts";
import type { Division } from "../../blocks/division.ts";
import type { PartQueue } from "../../blocks/part-queue.ts";

/** The blocks of a file or device whose digests are sent, and the form of the hash stream. */
export interface DigestOptions {
  /** Name of the file or device. */
  file: string;
  /** Offset of the first byte. */
  start: number;
  /** Offset of the byte after the last one; undefined for the end of the file. */
  end: number | undefined;
  /** Reads the extents to digest instead of `start` to `end`; undefined to digest all of that range. */
  ranges: (() => Promise<ExtentList>) | undefined;
  /** True if the file may become longer: whatever a source has after its end has changed, even if `ranges` leaves it out. */
  grows?: boolean;
  /** The part of the file that is digested in addition to `ranges`; undefined for none. */
  audit?: Part | undefined;
  /** Block size and algorithm. */
  hashing: Hashing;
  /** The digest cache to send instead of reading the file; undefined to read it. */
  cache: CacheOptions | undefined;
  /** Write an extended stream, which names the algorithm. blockcopy 0.0.2 does not read it. */
  extended: boolean;
  /** Name the size of the file, so that `retrieve` can refuse a source of another size. */
  sized?: boolean;
  /** Name the storage of the file, so that `retrieve` can refuse a source that shares it. */
  located?: boolean;
  /** Ask for an answer without blocks. */
  dryRun?: boolean;
  /** Called with the request before any digest is sent. */
  onRequest?: (request: BlockRequest) => void;
  /** The parts of a copy over several streams that this process takes, instead of `start` to `end`; undefined for all of that range. */
  shared?: SharedParts | undefined;
  /** Of a comparison of `ranges`: the size of the source, which the head of its answer tells. What they leave out after the end is not asked for. */
  sizeOfSource?: Promise<number> | undefined;
  /** Ask for the rest in the way that `retrieve` of blockcopy 0.0.2 needs. */
  legacy?: boolean;
}

/** The blocks to digest. */
export interface DigestCoverage extends Coverage {
  /** Those of them that are digested for the audit alone, in ascending order; undefined without an audit. */
  audited: ExtentList | undefined;
}

/** The parts of a copy that this process takes. */
export interface SharedParts {
  queue: PartQueue;
  division: Division;
  /** The blocks of all parts together. */
  coverage: DigestCoverage;
  answers: Answers;
  /** The digest cache to send instead of reading the file; undefined to read it. */
  cache: DigestCache | undefined;
  /** True for the process that has made the queue. */
  isFirst: boolean;
  /** Encodes the digests that this process sends. */
  encoder: HashEncoder;
  /** Bytes at the beginning of the destination that are compared. Blocks after them are asked for, whatever is there. */
  compared: number;
  /** The block stream, if this process has begun the hash stream and has read the head of its answer; undefined before that. */
  answer: Input | undefined;
}

/** A digest cache, and what it must contain. */
export interface CacheOptions {
  path: string;
  /** Required algorithm; undefined for any. */
  digest: DigestName | undefined;
  /** Required block size; undefined for any. */
  blockSize: number | undefined;
}
