import type * as Binding from "../native/binding.js";
import { SharedList, SharedListError } from "../transport/files/shared-list.ts";

/** A copy whose streams take one part after the other. All of them divide it in the same way. */
export interface SharedCopy {
  /** Bytes in the destination before the copy. */
  size: number;
  /** True if the last part includes what the source has after the end of the destination. */
  openEnded: boolean;
  /** Number of streams. */
  streams: number;
  /** Bytes in a part. */
  length: number;
  /** Number of parts. */
  parts: number;
}

/**
 * The queue from which the streams of a copy take their parts, in ascending order. It is a list that all destinations of the copy append to:
 * each stream that takes a part appends its number, and the place of the entry is the number of a part that no other stream has.
 */
export class PartQueue {
  /** The whole copy, and its parts. */
  readonly copy: SharedCopy;
  /** The number of the stream that this process belongs to, from 1. */
  readonly stream: number;
  readonly #taken: SharedList;
  /** The first entry that may be of a part that this stream has taken and does not know of. */
  #next = 0;
  /** Parts that no stream had taken when this one last looked. */
  #left: number;

  private constructor(taken: SharedList, stream: number) {
    this.#taken = taken;
    this.copy = JSON.parse(taken.description) as SharedCopy;
    this.stream = stream;
    this.#left = this.copy.parts;
  }

  /**
   * Makes the queue of a copy.
   *
   * @param stream the number of the stream that this process belongs to, from 1
   * @throws SharedListError; EngineFailure if the system has no files in memory
   */
  static create(native: typeof Binding, copy: SharedCopy, stream: number): PartQueue {
    return new PartQueue(SharedList.create(native, JSON.stringify(copy)), stream);
  }

  /**
   * Opens the queue that the first stream has made.
   *
   * @param stream the number of the stream that this process belongs to, from 1
   * @throws SharedListError
   */
  static open(name: string, stream: number): PartQueue {
    return new PartQueue(SharedList.open(name), stream);
  }

  /** The name by which the other streams open it. */
  get name(): string {
    return this.#taken.name;
  }

  /** True if few parts are left: a stream that takes two at once could be the last to finish. */
  get isNearEnd(): boolean {
    return this.#left < 2 * this.copy.streams;
  }

  /**
   * Takes the next part. Returns its number, from 0; undefined if all have been taken.
   *
   * @throws SharedListError
   */
  take(): number | undefined {
    const number = this.#append();
    return number < this.copy.parts ? number : undefined;
  }

  /** Appends the number of this stream, and returns the place of that entry. */
  #append(): number {
    this.#taken.append(this.stream);
    const { parts, streams } = this.copy;
    // Each stream appends one entry for which there is no part.
    const entries = this.#taken.entries(this.#next, parts + streams - this.#next);
    const found = entries.indexOf(this.stream);
    if (found === -1) {
      throw new SharedListError(
        `the list of the parts of this copy lacks what stream ${this.stream} has written`,
      );
    }
    this.#left = Math.max(0, parts - this.#next - entries.length);
    this.#next += found + 1;
    return this.#next - 1;
  }
}
