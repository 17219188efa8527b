import type { Part } from "../blocks/part.ts";
import type { Described } from "../incremental/destination.ts";
import type { ProcessId } from "../transport/processes/process-tree.ts";
import type { ChecksumOptions } from "./checksum/checksum.ts";
import type { SaveOptions } from "./save/session.ts";

/** Options of `receive`: which digests to send, and how to write the blocks that arrive. */
export type ReceiveOptions = Omit<ChecksumOptions, "extended" | "sized" | "located"> &
  SaveOptions & {
    /** The part of the copy that this process does; the last part includes what the source has after the end of the destination. */
    part: Part | undefined;
    /**
     * The queue from which this process takes its parts of the copy: `new` to make it, or its name. Undefined if the parts are fixed; they
     * are so too where no queue can be made.
     */
    queue: string | undefined;
    /** The process that took parts for the same stream until its connection was lost; undefined if this is the first one. */
    replaces: ProcessId | undefined;
    /** Hold the digests back until the root is known, and send it before them. A delta made from them then names its destination. */
    rootFirst: boolean;
    /** Use the protocol of blockcopy 0.0.2 for both streams. */
    legacy: boolean;
    /** Called with a description of the destination, before its range list is read and after it was synced; undefined if it is not wanted. */
    describe: ((described: Described) => void) | undefined;
  };
