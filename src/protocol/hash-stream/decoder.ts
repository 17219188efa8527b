import { COMMAND_LENGTH, type FrameStart, readCommand, unknownCommand, viewOf } from "../bytes.ts";
import { descriptionLength, faulty } from "../description.ts";
import { DEFAULT_HASHING, type Hashing } from "../digest.ts";
import type { ProtocolError } from "../error.ts";
import { decodeHashFrame, decodeWholeHash, hashFrameLength, type HashFrame } from "./frames.ts";
import { decodeHello, type ReceivedHello } from "./hello.ts";
import type { RootDigest } from "../root-digest.ts";
import { MAX_POSITION } from "../limits.ts";
import { Seal } from "../seal.ts";
import { streamEnded } from "../stream-end.ts";

/** The result of `HashDecoder.decode`. */
export interface DecodedHashFrames {
  /** The complete frames with digests and offsets, in order. */
  frames: HashFrame[];
  /** Bytes of all complete frames, `done` included. */
  consumed: number;
  /** True if the stream is complete. */
  done: boolean;
}

/** The next frame of a hash stream. */
export type PeekedHash =
  | { kind: "partial" }
  | { kind: "frame"; frame: HashFrame; start: FrameStart; bytes: Uint8Array }
  | { kind: "description"; start: FrameStart; bytes: Uint8Array }
  | { kind: "done" };

/** Names in messages for what follows the command of a frame; the default is `hash`. */
const CUT_PARTS: Readonly<Record<string, string>> = {
  rest: "offset",
  mark: "offset",
  helo: "hello",
  root: "root",
};

/** Decodes a hash stream. Its bytes must be passed in order. */
export class HashDecoder {
  #hello: ReceivedHello | undefined;
  #root: RootDigest | undefined;
  /** Counts the frames of an extended stream. */
  #seal: Seal | undefined;
  #sealed = false;
  /** End of the block before, as an offset in the destination. */
  #end = 0;
  /** Offset of the `mark` before. */
  #mark = -1;

  /** The hello; undefined before it has been read, and for a stream without one. */
  get hello(): ReceivedHello | undefined {
    return this.#hello;
  }

  /** Block size and algorithm. */
  get hashing(): Hashing {
    return this.#hello ?? DEFAULT_HASHING;
  }

  /** The root digest of the destination; undefined until the stream ends with one. */
  get root(): RootDigest | undefined {
    return this.#root;
  }

  /**
   * Returns the next frame, which begins with `bytes`, without consuming it: `take` does.
   * @param streamOffset bytes from the start of the stream to `bytes`
   * @throws ProtocolError as soon as a fault is visible
   */
  peek(bytes: Uint8Array, streamOffset: number): PeekedHash {
    if (bytes.length < COMMAND_LENGTH) return { kind: "partial" };
    const command = readCommand(viewOf(bytes), 0);
    const start: FrameStart = { stream: "hash", command, offset: streamOffset };
    const length = this.#lengthOf(bytes, start);
    if (command === "done") return { kind: "done" };
    const whole = bytes.length >= length;
    const frame = bytes.subarray(0, length);
    if (command === "helo" || command === "root")
      return whole ? { kind: "description", start, bytes: frame } : { kind: "partial" };
    const decoded = decodeHashFrame(frame, start, { whole });
    return decoded === undefined
      ? { kind: "partial" }
      : { kind: "frame", frame: decoded, start, bytes: frame };
  }

  /**
   * Consumes a frame that `peek` has returned.
   * @throws ProtocolError for a frame in the wrong place, or a seal that does not match the frames before it
   */
  take(peeked: PeekedHash): void {
    if (peeked.kind === "frame" && this.#seal !== undefined) {
      this.#ascend(peeked.frame, peeked.start);
      this.#refuseBeyond(peeked.start);
      this.#seal.add(peeked.bytes);
    } else if (peeked.kind === "description") this.#describe(peeked.bytes, peeked.start);
  }

  /**
   * Decodes the complete frames at the start of `bytes`, up to `done`. Ignores what follows `done`. Pass an incomplete
   * frame again, followed by more bytes.
   * @param streamOffset bytes from the start of the stream to `bytes`
   * @throws ProtocolError as soon as a fault is visible; the frames before it in `bytes` are lost
   */
  decode(bytes: Uint8Array, streamOffset: number): DecodedHashFrames {
    const frames: HashFrame[] = [];
    let at = 0;
    for (;;) {
      at += this.#takeRun(bytes, at, streamOffset, frames);
      const peeked = this.peek(bytes.subarray(at), streamOffset + at);
      if (peeked.kind === "partial") return { frames, consumed: at, done: false };
      if (peeked.kind === "done") return { frames, consumed: at + COMMAND_LENGTH, done: true };
      this.take(peeked);
      if (peeked.kind === "frame") frames.push(peeked.frame);
      at += peeked.bytes.length;
    }
  }

  /**
   * Decodes the `Hash` frames at `at`, one after the other: most of a stream is nothing else, and one checksum over all of them takes a
   * fraction of the time. Stops before a frame that is incomplete, of another kind or faulty, which is left to `peek` and `take`.
   * @returns the bytes of these frames
   */
  #takeRun(bytes: Uint8Array, at: number, streamOffset: number, frames: HashFrame[]): number {
    if (this.#sealed) return 0;
    const place = { view: viewOf(bytes), streamOffset, digest: this.hashing.digest };
    const { end: most = MAX_POSITION } = this.#hello ?? {};
    const before = frames.length;
    let to = at;
    for (;;) {
      const frame = decodeWholeHash(bytes, to, place);
      if (frame === undefined) break;
      if (this.#seal !== undefined) {
        const end = frame.position + frame.length;
        if (frame.position < this.#end || end > most) break;
        this.#end = end;
      }
      frames.push(frame);
      to = frame.digest.byteOffset + frame.digest.length - bytes.byteOffset;
    }
    if (to > at) this.#seal?.add(bytes.subarray(at, to), frames.length - before);
    return to - at;
  }

  /**
   * Returns the error for a hash stream that ended without `done`.
   * @param rest the bytes that `decode` has not consumed
   * @param streamOffset bytes from the start of the stream to `rest`
   */
  ended(rest: Uint8Array, streamOffset: number): ProtocolError {
    return streamEnded("hash", rest, streamOffset, (command) => ({
      name: CUT_PARTS[command] ?? "hash",
      needed: this.#lengthOf(rest, { stream: "hash", command, offset: streamOffset }),
    }));
  }

  /** Returns the length of the whole frame that `bytes` begin with, as far as it is known. */
  #lengthOf(bytes: Uint8Array, start: FrameStart): number {
    const { command } = start;
    if (command === "helo") {
      if (start.offset !== 0)
        throw faulty("bad-hello", start, "a `helo` frame not at the beginning");
      return descriptionLength(bytes, start, "bad-hello");
    }
    if (command === "done") {
      if (this.#seal !== undefined && !this.#sealed)
        throw faulty("damaged", start, "there is no `root` frame before `done`");
      return COMMAND_LENGTH;
    }
    // No extended stream has the deprecated `hash`: it is a `Hash` with a flipped bit.
    if (this.#sealed || (this.#seal !== undefined && command === "hash"))
      throw unknownCommand(start);
    if (command === "mark" && (this.#seal === undefined || this.#hello?.marks !== true))
      throw unknownCommand(start);
    if (command === "root" && this.#seal !== undefined)
      return descriptionLength(bytes, start, "damaged");
    return hashFrameLength(start, this.hashing.digest);
  }

  #describe(frame: Uint8Array, start: FrameStart): void {
    if (start.command === "root") {
      this.#root = this.#seal?.decode(frame, start);
      this.#sealed = true;
      return;
    }
    this.#hello = decodeHello(frame, start);
    if (this.#hello.accepts !== undefined) this.#seal = new Seal();
  }

  /** Refuses a frame that steps back: it may have been changed on the way. */
  #ascend(frame: HashFrame, start: FrameStart): void {
    const position = frame.kind === "hash" ? (frame.position ?? 0) : frame.offset;
    if (position < this.#end)
      throw faulty(
        "out-of-order",
        start,
        `a \`${start.command}\` frame steps back to offset ${position}`,
      );
    if (frame.kind === "mark") {
      // Each mark is answered: without a part before it, it asks for nothing.
      if (position === this.#mark)
        throw faulty("out-of-order", start, `a \`mark\` frame repeats offset ${position}`);
      this.#mark = position;
    }
    if (frame.kind === "rest") this.#end = Infinity;
    else this.#end = frame.kind === "hash" ? position + frame.length : position;
  }

  /** Refuses a frame after the end that the hello names: the destination was checked for that end. */
  #refuseBeyond(start: FrameStart): void {
    const { end = MAX_POSITION } = this.#hello ?? {};
    if (Math.min(this.#end, MAX_POSITION) > end)
      throw faulty(
        "damaged",
        start,
        `a \`${start.command}\` frame reaches beyond offset ${end}, the end in the \`helo\` frame`,
      );
  }
}
