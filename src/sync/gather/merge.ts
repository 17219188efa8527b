import { Root } from "../../blocks/root.ts";
import type * as Binding from "../../native/binding.js";
import { BlockDecoder } from "../../protocol/block-stream/decoder.ts";
import { BlockWalker } from "../../protocol/block-stream/walker.ts";
import type { Hashing } from "../../protocol/digest.ts";
import { ProtocolError } from "../../protocol/error.ts";
import { encodeDone } from "../../protocol/hash-stream/frames.ts";
import { Seal } from "../../protocol/seal.ts";
import type { Take } from "../../transport/streams/pump.ts";
import type { SharedSpool, SpoolQueue } from "../../transport/streams/shared-spool.ts";
import { Turns } from "./turns.ts";

/** A part of the merged stream, from when it was asked for until it is written. */
interface MergedPart {
  readonly turns: Turns;
  /** Queues that wait for the parts before it: frames, and the digests of all of its blocks in the source. */
  readonly frames: SpoolQueue;
  readonly digests: SpoolQueue;
  /** True if nothing waits, and what comes is written at once. */
  isDirect: boolean;
  isComplete: boolean;
}

/** The work that a merge is done with. */
interface MergeOptions {
  native: typeof Binding;
  /** Keeps what cannot be written yet. */
  spool: SharedSpool;
  /** Writes the merged stream. */
  write: Take;
}

/**
 * Merges the answers of several sources into one block stream whose blocks ascend. What belongs to the first part that is not complete is
 * written at once; what comes for later parts waits in a file. So no source ever waits for another one.
 */
export class Merge {
  readonly #native: typeof Binding;
  readonly #spool: SharedSpool;
  readonly #write: Take;
  readonly #writing = new Turns();
  /** Finds the headers in what is written. */
  readonly #walker = new BlockWalker(new BlockDecoder());
  readonly #seal = new Seal();
  #root: Root | undefined;
  #size: number | undefined;
  readonly #parts = new Map<number, MergedPart>();
  /** The first part that is not written. */
  #current = 0;
  #isMoving = false;
  #moved: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  constructor({ native, spool, write }: MergeOptions) {
    this.#native = native;
    this.#spool = spool;
    this.#write = write;
  }

  /**
   * Begins the stream with the head of an answer. Those of the other answers are left out: they are about the same source.
   *
   * @param frame the `head` frame
   * @param size the size of the source
   * @throws ProtocolError if another answer has named another size; the errors of `write`
   */
  async begin(frame: Uint8Array, hashing: Hashing, size: number): Promise<void> {
    if (this.#size === undefined) {
      this.#size = size;
      this.#root = new Root(this.#native, hashing);
      await this.#append(frame);
    } else if (size !== this.#size) {
      throw new ProtocolError(
        "damaged",
        0,
        `the source has ${size} bytes, and had ${this.#size} for another stream`,
      );
    }
  }

  /** Adds a part, by its number. Parts are added in ascending order. */
  open(number: number): void {
    this.#parts.set(number, {
      turns: new Turns(),
      frames: this.#spool.queue(),
      digests: this.#spool.queue(),
      isDirect: false,
      isComplete: false,
    });
    this.#move();
  }

  /**
   * Adds the next frames of a part, and the digests of the next blocks that it has in the source.
   *
   * @throws StreamError, the errors of `write`
   */
  async add(number: number, frames: Uint8Array, digests: Uint8Array): Promise<void> {
    this.#throwFailure();
    const part = this.#partAt(number);
    await part.turns.run(async () => {
      if (part.isDirect) {
        this.#root?.add(digests);
        await this.#append(frames);
      } else {
        await part.digests.append(digests);
        await part.frames.append(frames);
      }
    });
  }

  /**
   * Marks a part as complete.
   *
   * @throws StreamError
   */
  async complete(number: number): Promise<void> {
    this.#throwFailure();
    const part = this.#partAt(number);
    await part.turns.run(async () => {
      await part.digests.flush();
      await part.frames.flush();
      part.isComplete = true;
    });
    this.#move();
  }

  /**
   * Writes the end of the stream, once all parts are complete.
   *
   * @param parts the number of parts
   * @throws ProtocolError if a part is missing; StreamError, the errors of `write`
   */
  async finish(parts: number): Promise<void> {
    await this.#moved;
    this.#throwFailure();
    if (this.#current !== parts || this.#root === undefined || this.#size === undefined) {
      throw new ProtocolError("damaged", 0, `part ${this.#current} of ${parts} is not complete`);
    }
    const root = this.#root.finish(this.#size);
    await this.#append(Buffer.concat([this.#seal.encode(root), encodeDone()]));
  }

  #partAt(number: number): MergedPart {
    const part = this.#parts.get(number);
    if (part === undefined) {
      throw new RangeError(`part ${number} is not open`);
    }
    return part;
  }

  /** Moves on to the first part that is not complete. Others that complete or begin in the meantime are seen too. */
  #move(): void {
    if (!this.#isMoving) {
      this.#isMoving = true;
      this.#moved = this.#moveOn().catch((error: unknown) => {
        this.#failure ??= { error };
      });
    }
  }

  async #moveOn(): Promise<void> {
    try {
      for (;;) {
        const part = this.#parts.get(this.#current);
        if (part === undefined || (part.isDirect && !part.isComplete)) {
          return;
        }
        if (part.isDirect) {
          this.#parts.delete(this.#current);
          this.#current += 1;
          continue;
        }
        // Its source gets a turn between two slots.
        await part.turns.run(() => this.#moveSome(part));
      }
    } finally {
      // Right after the last look, without a wait: a part that completes later must not find this going on.
      this.#isMoving = false;
    }
  }

  /** Writes some of what waits. If nothing does, what comes next is written at once. */
  async #moveSome(part: MergedPart): Promise<void> {
    const digests = await part.digests.shift();
    if (digests !== undefined) {
      this.#root?.add(digests);
      return;
    }
    const frames = await part.frames.shift();
    if (frames === undefined) {
      part.isDirect = true;
    } else {
      await this.#append(frames);
    }
  }

  /** Writes frames, and adds their headers to the seal. */
  #append(frames: Uint8Array): Promise<void> {
    return this.#writing.run(async () => {
      for (const piece of this.#walker.walk(frames)) {
        if (piece.kind === "block") {
          this.#seal.addRecord(piece.bytes);
        }
      }
      if (frames.length > 0) {
        await this.#write(frames);
      }
    });
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) {
      throw this.#failure.error;
    }
  }
}
