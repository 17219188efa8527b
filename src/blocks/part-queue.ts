import { CopyError } from "../errors/copy-error.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import type * as Binding from "../native/binding.js";
import { SharedList } from "../transport/files/shared-list.ts";
import { SharedListError } from "../transport/files/shared-list-error.ts";
import { parseCopy, type SharedCopy } from "./shared-copy.ts";

/** The destination is not the file or device that the other streams write to. */
class OtherDestinationError extends CopyError {
  override readonly name = "OtherDestinationError";

  constructor(file: string) {
    super(
      `${file} is another file or device than when the copy began, and this stream has written nothing to it`,
      "find out what has replaced it, and copy again",
      ExitCode.unavailable,
    );
  }
}

/** The blocks that the audit of a stream has found to differ. All numbers are 0 if it has found none. */
export interface AuditProgress {
  blocks: number;
  bytes: number;
  /** Offset of the first one. */
  first: number;
  /** The end of the last one. */
  end: number;
}

/**
 * The queue from which the streams of a copy take their parts, in ascending order. It is a list that all destinations of the copy append
 * to: each stream that takes a part appends its number, and the place of the entry is the number of a part that no other stream has.
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
  /** The descriptors of this process that keep the destination claimed for the copy; empty if it has none. */
  #claim: readonly number[];

  private constructor(taken: SharedList, stream: number, claim: readonly number[]) {
    this.#taken = taken;
    this.#claim = claim;
    this.copy = parseCopy(taken.description, stream);
    this.stream = stream;
    this.#left = this.copy.parts;
  }

  /**
   * Makes the queue of a copy.
   *
   * @param list a new list
   * @param stream the number of the stream that this process belongs to, from 1
   * @param claim the descriptors of this process that keep the destination claimed, which the other streams may share
   * @throws SharedListError
   */
  static create(
    list: SharedList,
    copy: SharedCopy,
    stream: number,
    claim: readonly number[] = [],
  ): PartQueue {
    list.describe(JSON.stringify(copy));
    return new PartQueue(list, stream, claim);
  }

  /**
   * Opens the queue of a copy.
   *
   * @param name its name in a process of any stream
   * @param stream the number of the stream that this process belongs to, from 1
   * @throws SharedListError
   */
  static open(name: string, stream: number): PartQueue {
    return new PartQueue(SharedList.open(name), stream, []);
  }

  /**
   * The name by which other streams open it: `PROCESS/DESCRIPTOR/ID`, and after another slash the descriptors of the claim, if this process
   * has it.
   */
  get name(): string {
    return [this.#taken.name, ...(this.hasClaim ? [this.#claim.join(",")] : [])].join("/");
  }

  /** True if this process keeps the destination claimed for the copy. */
  get hasClaim(): boolean {
    return this.#claim.length > 0;
  }

  /**
   * Shares the claim of the process that the queue was opened from. The destination then stays claimed and locked until the last process
   * that shares the claim has ended, whichever that is.
   *
   * @param name the name that the queue was opened by
   * @throws SharedListError if that process has ended; EngineFailure if the system does not permit it
   */
  shareClaim(native: Pick<typeof Binding, "duplicateForLife">, name: string): void {
    const [, , , claim] = name.split("/");
    const { owner } = this.#taken;
    const shared = claim?.split(",").map((found) => native.duplicateForLife(owner, Number(found)));
    // If it has ended, its number may mean another process by now.
    this.#taken.confirm();
    this.#claim = shared ?? [];
  }

  /**
   * Refuses a destination that is not the one that the first stream has opened: another one may have got its name since.
   *
   * @param instance its identity
   * @throws OtherDestinationError
   */
  refuseOther(file: string, instance: string | null): void {
    const { instance: first } = this.copy;
    if (first !== undefined && instance !== first) {
      throw new OtherDestinationError(file);
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
   * Keeps how far the audit of this stream has come, for a process that takes the place of this one.
   *
   * @throws SharedListError
   */
  keepAudit({ blocks, bytes, first, end }: AuditProgress): void {
    this.#taken.note(this.stream, [blocks, bytes, first, end]);
  }

  /**
   * Returns how far the audit of an earlier process of this stream had come. That process must have ended.
   *
   * @throws SharedListError
   */
  keptAudit(): AuditProgress {
    const [blocks, bytes, first, end] = this.#taken.noted(this.stream);
    const isRight =
      [blocks, bytes, first, end].every(Number.isSafeInteger) &&
      0 <= blocks &&
      blocks <= bytes &&
      0 <= first &&
      first <= end;
    if (!isRight) {
      throw new SharedListError(
        `the list of the parts of this copy does not say what stream ${this.stream} has repaired`,
      );
    }
    return { blocks, bytes, first, end };
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
