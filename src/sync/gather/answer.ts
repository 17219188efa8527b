import { Answers } from "../../blocks/answers.ts";
import { BlockDecoder } from "../../protocol/block-stream/decoder.ts";
import { BlockWalker, type Piece } from "../../protocol/block-stream/walker.ts";
import { ProtocolError } from "../../protocol/error.ts";
import { namesNoBase } from "../delta-stream.ts";
import type { DigestPart, NamedHello } from "./digest-parts.ts";
import type { Merge } from "./merge.ts";
import { type Digesting, SourceDigests } from "./source-digests.ts";

/** Takes the answer of one of several sources: checks that it answers the parts that this source was asked for, and adds them to the merge. */
export class Answer {
  /** The parts that were asked for and are not answered, except for the last part of all, which has no mark. */
  readonly #answers = new Answers();
  readonly #digesting: Digesting;
  readonly #merge: Merge;
  readonly #decoder = new BlockDecoder((offset, streamOffset) =>
    this.#answers.take(offset, streamOffset),
  );
  readonly #walker = new BlockWalker(this.#decoder);
  /** Resolves when no more bytes come, whether the stream is complete or not. */
  readonly #closed: Promise<void>;
  #resolveClosed!: () => void;
  #isClosed = false;
  #hello: NamedHello | undefined;
  #source: SourceDigests | undefined;
  /** The parts that are not answered. */
  readonly #parts: DigestPart[] = [];
  /** True once the first of them has begun. */
  #hasBegun = false;

  constructor(digesting: Digesting, merge: Merge) {
    this.#digesting = digesting;
    this.#merge = merge;
    this.#closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  /** Takes the hello with which the source is asked. */
  begin(hello: NamedHello): void {
    this.#hello = hello;
  }

  /**
   * Waits until fewer than `most` parts are not answered.
   *
   * @throws ProtocolError if no more answers come
   */
  async fewerThan(most: number): Promise<void> {
    await Promise.race([this.#answers.fewerThan(most), this.#closed]);
    if (this.#isClosed) {
      this.#walker.end();
    }
  }

  /**
   * Takes a part that the source is asked for.
   *
   * @throws ProtocolError if its stream has ended
   */
  open(part: DigestPart): void {
    if (!part.isLast) {
      this.#answers.expect(part.end);
    }
    this.#merge.open(part.number);
    this.#parts.push(part);
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @throws ProtocolError, and the errors of the merge
   */
  async take(chunk: Uint8Array): Promise<void> {
    // Neighbouring pieces are passed on together.
    let [first, last]: [Uint8Array | undefined, Uint8Array] = [undefined, chunk];
    const flush = async (): Promise<void> => {
      if (first !== undefined) {
        const length = last.byteOffset + last.length - first.byteOffset;
        await this.#add(new Uint8Array(first.buffer, first.byteOffset, length));
        first = undefined;
      }
    };
    for (const piece of this.#walker.walk(chunk)) {
      if (piece.kind === "block" || piece.kind === "payload") {
        this.#look(piece);
        first ??= piece.bytes;
        last = piece.bytes;
      } else {
        await flush();
        await this.#takeOther(piece);
      }
    }
    await flush();
  }

  /** Takes the end of the stream, complete or not. */
  close(): void {
    this.#isClosed = true;
    this.#resolveClosed();
  }

  /**
   * Checks that the stream is complete.
   *
   * @throws ProtocolError if it is not
   */
  end(): void {
    this.#walker.end();
    const [missing] = this.#parts;
    if (missing !== undefined) {
      throw new ProtocolError(
        "damaged",
        this.#walker.bytes,
        `the stream ends without the blocks from offset ${missing.start} on, at byte ${this.#walker.bytes} of the block stream`,
      );
    }
  }

  /** Checks a block, and finds the digests of all blocks up to it. */
  #look(piece: Piece & { kind: "block" | "payload" }): void {
    if (piece.kind === "block") {
      this.#beginPart();
      if (this.#source === undefined) {
        throw namesNoBase();
      }
      this.#source.add(piece.header);
    }
  }

  async #takeOther(piece: Exclude<Piece, { kind: "block" | "payload" }>): Promise<void> {
    if (piece.kind === "mark") {
      await this.#endPart(piece.start.offset);
    } else if (piece.kind === "description" && piece.start.command === "head") {
      await this.#begin(piece.bytes);
    } else if (piece.kind === "description") {
      await this.#seal(piece.start.offset);
    } else if (this.#source === undefined) {
      throw namesNoBase();
    } else {
      this.#answers.end(this.#walker.bytes);
    }
  }

  /** Takes the head. */
  async #begin(frame: Uint8Array): Promise<void> {
    const { head } = this.#decoder;
    const hello = this.#hello;
    if (head?.base === undefined) {
      throw namesNoBase();
    }
    const { base, digest, blockSize, source } = head;
    const isAsked =
      base.size === hello?.size &&
      Buffer.compare(base.root, hello.root) === 0 &&
      digest === hello.digest &&
      blockSize === hello.blockSize;
    if (!isAsked || source.size === undefined) {
      throw new ProtocolError(
        "not-asked",
        0,
        "the stream is not an answer to the digests of the destination, at byte 0 of the block stream",
      );
    }
    this.#source = new SourceDigests(this.#digesting, hello, source.size);
    await this.#merge.begin(frame, head, source.size);
  }

  #beginPart(): void {
    const [part] = this.#parts;
    if (!this.#hasBegun && part !== undefined) {
      this.#hasBegun = true;
      this.#source?.begin(part);
    }
  }

  /** Adds frames of the first part. */
  async #add(frames: Uint8Array): Promise<void> {
    const [part] = this.#parts;
    if (part !== undefined) {
      await this.#merge.add(part.number, frames, this.#source?.take() ?? new Uint8Array(0));
    }
  }

  /** Ends the first part: all that differs in it has arrived. */
  async #endPart(offset: number): Promise<void> {
    this.#beginPart();
    const [part] = this.#parts;
    if (part !== undefined && this.#source !== undefined) {
      this.#source.end(offset);
      await this.#merge.add(part.number, new Uint8Array(0), this.#source.take());
      await this.#merge.complete(part.number);
      this.#parts.shift();
      this.#hasBegun = false;
    }
  }

  /** Takes the end of the answer, and compares the digest that the source has computed of its parts. */
  async #seal(offset: number): Promise<void> {
    if (this.#parts.length === 1 && this.#parts[0]?.isLast === true) {
      await this.#endPart(offset);
    }
    const { parts } = this.#decoder;
    const found = this.#source?.finish();
    if (parts === undefined) {
      throw new ProtocolError(
        "no-root",
        offset,
        `the stream lacks the digest of its parts, at byte ${offset} of the block stream`,
      );
    }
    if (found === undefined || Buffer.compare(found, parts) !== 0) {
      throw new ProtocolError(
        "damaged",
        offset,
        `the blocks are not those that the source has compared, at byte ${offset} of the block stream`,
      );
    }
  }
}
