import type * as Binding from "../native/binding.js";
import { SharedList } from "../transport/files/shared-list.ts";
import { SharedListError } from "../transport/files/shared-list-error.ts";
import { parseCopy, type SharedCopy } from "./shared-copy.ts";

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
  /** The parts that an earlier process of this stream had taken, which are done again. */
  readonly #again: number[] = [];

  private constructor(taken: SharedList, stream: number) {
    this.#taken = taken;
    this.copy = parseCopy(taken.description, stream);
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

  /**
   * Opens a descriptor of the process that has made the queue.
   *
   * @param open opens it by a path
   * @throws SharedListError if that process has ended, and the errors of `open`
   */
  async openOther<T>(descriptor: number, open: (path: string) => Promise<T>): Promise<T> {
    try {
      return await open(this.#taken.pathOf(descriptor));
    } finally {
      // If it has ended, that is why it cannot be opened, or its number may mean another process by now.
      this.#taken.confirm();
    }
  }

  /**
   * Returns the stream, from 1, that has taken each part, as far as they have been taken.
   *
   * @throws SharedListError
   */
  takers(): Uint8Array {
    return this.#taken.entries(0, this.copy.parts);
  }

  /** True if few parts are left: a stream that takes two at once could be the last to finish. */
  get isNearEnd(): boolean {
    return this.#left < 2 * this.copy.streams;
  }

  /**
   * Makes this process the only one of its stream, until it has ended. Returns false while another one is.
   *
   * @throws EngineFailure
   */
  hold(native: typeof Binding): boolean {
    return this.#taken.lock(native, this.stream);
  }

  /**
   * Takes all that an earlier process of this stream had taken, before anything else. That process must have ended.
   *
   * @throws SharedListError
   */
  takeAgain(): void {
    const { parts, streams } = this.copy;
    const entries = this.#taken.entries(0, parts + streams);
    entries.forEach((stream, number) => {
      if (stream === this.stream) {
        this.#again.push(number);
      }
    });
    this.#next = entries.length;
    this.#left = Math.max(0, parts - entries.length);
  }

  /**
   * Takes the next part. Returns its number, from 0; undefined if all have been taken.
   *
   * @throws SharedListError
   */
  take(): number | undefined {
    // The entry for which there is no part, if the earlier process has left it, is the last one.
    const number = this.#again.shift() ?? this.#append();
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
