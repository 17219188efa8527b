import type * as Binding from "../native/binding.js";
import { MAX_POSITION } from "../protocol/limits.ts";
import { MOST_PARTS } from "./part.ts";
import { SharedList, SharedListError } from "../transport/files/shared-list.ts";

/** Most streams of a copy: their numbers are bytes of the list, and two digits in a command. */
const MOST_STREAMS = 99;

/** A copy whose streams take one part after the other. All of them divide it in the same way. */
export interface SharedCopy {
  /** Bytes in the destination before the copy. */
  size: number;
  /** True if the last part includes what the source has after the end of the destination. */
  openEnded: boolean;
  /** Number of streams. */
  streams: number;
  /** Bytes in a part, at least; the last one may have fewer. */
  length: number;
  /** Number of parts. */
  parts: number;
}

/**
 * Reads what the first stream has written of the copy, in a file that any process of the same user can write to.
 *
 * @param stream the number of a stream of the copy
 * @throws SharedListError
 */
function parseCopy(text: string, stream: number): SharedCopy {
  const copy = parsed(text);
  if (copy === undefined || stream > copy.streams) {
    throw new SharedListError(
      `the list of the parts of this copy does not begin as one for stream ${stream}`,
    );
  }
  return copy;
}

function parsed(text: string): SharedCopy | undefined {
  let copy: Partial<Record<keyof SharedCopy, unknown>> | null;
  try {
    copy = JSON.parse(text) as typeof copy;
  } catch {
    return undefined;
  }
  const { size, openEnded, streams, length, parts, ...others } = copy ?? {};
  const isRight =
    isCount(size, 0, MAX_POSITION) &&
    typeof openEnded === "boolean" &&
    isCount(streams, 1, MOST_STREAMS) &&
    isCount(length, 1, MAX_POSITION) &&
    isCount(parts, 1, MOST_PARTS + 1) &&
    (parts - 1) * length <= size &&
    Object.keys(others).length === 0;
  return isRight ? { size, openEnded, streams, length, parts } : undefined;
}

function isCount(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
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
