import type { Answers } from "../../blocks/answers.ts";
import type { CopyRequest } from "../../blocks/bounds.ts";
import type { StageContext } from "../../blocks/context.ts";
import type { PartQueue } from "../../blocks/part-queue.ts";
import type { Sizes } from "../../blocks/destination-sizes.ts";
import type { CacheWriter } from "../../digests/cache-writer.ts";
import type * as Binding from "../../native/binding.js";
import type { BlockDecoder } from "../../protocol/block-stream/decoder.ts";
import type { Input } from "../../transport/streams/input.ts";
import type { FormatChoice } from "../image/format.ts";
import type { BlockWriter } from "./block-writer.ts";
import type { Carried } from "./metadata.ts";
import type { Verify } from "./verify.ts";

/** Options of `save`. */
export interface SaveOptions {
  /** File or device to copy to. */
  file: string;
  /** The format of FILE, for the warning if it was not given. */
  image: FormatChoice;
  /** Write even to a device that is mounted or held. */
  force: boolean;
  /** Create a regular file that is missing. */
  create: boolean;
  /** Lock the destination, so that other programs that lock it wait or fail. */
  lock: boolean;
  /** Write blocks of zeros as holes, if the destination can have holes. */
  sparse: boolean;
  /** Path of the digest cache to update; undefined for none. */
  updateDigests: string | undefined;
  /** Amount to read back at the end. */
  verify: Verify;
  /** Attributes that a file gets from the source in addition to its content. */
  carried: Carried;
  /** Other processes write to the destination while this one has it open. Wait until they are done before setting metadata. */
  hold?: boolean;
  /** Sizes that the destination may have, compared with the source; any if undefined. */
  sizes?: Sizes | undefined;
}

/** The request that a stream answers. */
export interface Asked {
  /** Undefined if this process has sent none. */
  request?: Promise<CopyRequest> | undefined;
  /** The parts of the copy that the stream must mark as answered; undefined for none. */
  answers?: Answers | undefined;
  /** The queue of the streams of a copy; undefined for one stream. */
  queue?: Pick<PartQueue, "copy" | "keepAudit" | "keptAudit"> | undefined;
  /** The digest cache that the streams of a copy share; undefined if the one of the options is that of this process alone. */
  cache?: CacheWriter | undefined;
  /** The block stream, if some of it has been read already. */
  input?: Input | undefined;
}

/** All that one run of `save` works with. */
export interface SaveSession extends Omit<Asked, "input" | "cache"> {
  context: StageContext;
  sink: Binding.Sink;
  options: Omit<SaveOptions, "create" | "lock">;
  input: Input;
  decoder: BlockDecoder;
  writer: BlockWriter;
  cache: CacheWriter | undefined;
}
