import { Answers } from "../blocks/answers.ts";
import { checkRange } from "../blocks/check-range.ts";
import type { StageContext } from "../blocks/context.ts";
import { type Part, partLength } from "../blocks/part.ts";
import { PartQueue } from "../blocks/part-queue.ts";
import { messageOf } from "../errors/message-of.ts";
import type * as Binding from "../native/binding.js";
import type { Hashing } from "../protocol/digest.ts";
import type { SharedParts } from "./checksum/digest-options.ts";

/** The copy over several streams that a process takes part in. */
interface Sharing {
  /** The stream of this process; undefined if there is only one. */
  part: Part | undefined;
  /** The queue: `new` to make it, or its name; undefined if the parts are fixed. */
  queue: string | undefined;
  file: string;
  start: number;
  end: number | undefined;
  hashing: Hashing;
}

/**
 * Makes the queue of parts of a copy, or opens the one that the first stream has made.
 *
 * @returns undefined if no queue is asked for, or none can be made here: the parts are then fixed
 * @throws SharedListError if the queue of the first stream cannot be opened; UsageError
 */
export function sharedParts(
  { native, debug }: StageContext,
  reader: Binding.Source,
  options: Sharing,
): SharedParts | undefined {
  const { part, queue, start, end = reader.size, hashing } = options;
  if (part === undefined || queue === undefined) {
    return undefined;
  }
  if (queue !== "new") {
    const opened = PartQueue.open(queue, part.number);
    return { queue: opened, answers: new Answers(), isFirst: false };
  }
  checkRange(reader, options);
  const length = partLength(end - start, part.count, hashing.blockSize);
  const openEnded = options.end === undefined;
  const copy = { size: reader.size, start, end, length, streams: part.count, openEnded };
  try {
    const made = PartQueue.create(native, copy, part.number);
    return { queue: made, answers: new Answers(), isFirst: true };
  } catch (error) {
    // macOS has no files in memory, and without /proc no other process could open them.
    debug(`the parts of the copy are fixed: ${messageOf(error)}`);
    return undefined;
  }
}
