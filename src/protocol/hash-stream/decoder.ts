import { COMMAND_LENGTH, type FrameStart, readCommand, unknownCommand, viewOf } from "../bytes.ts";
import { descriptionLength, faulty } from "../description.ts";
import { DEFAULT_HASHING, type Hashing } from "../digest.ts";
import type { ProtocolError } from "../error.ts";
import { decodeHashFrame, hashFrameLength, type HashFrame } from "./frames.ts";
import { decodeHello, type ReceivedHello } from "./hello.ts";
import type { RootDigest } from "../root-digest.ts";
import { Seal } from "../seal.ts";
import { streamEnded } from "../stream-end.ts";

/** What `HashDecoder.decode` found. */
export interface DecodedHashFrames {
  /** The complete frames with digests and offsets, in order. */
  frames: HashFrame[];
  /** Bytes that all complete frames take, with those of `done`. */
  consumed: number;
  /** Whether the stream is complete. */
  done: boolean;
}

/** What a hash stream goes on with, as far as its bytes tell. */
export type PeekedHash =
  | { kind: "partial" }
  | { kind: "frame"; frame: HashFrame; start: FrameStart; bytes: Uint8Array }
  | { kind: "description"; start: FrameStart; bytes: Uint8Array }
  | { kind: "done" };

/** What the part of a frame behind its command is called, where that is not `hash`. */
const CUT_PARTS: Readonly<Record<string, string>> = { rest: "offset", helo: "hello", root: "root" };

/** Decodes a hash stream, whose bytes it is given in order. */
export class HashDecoder {
  #hello: ReceivedHello | undefined;
  #root: RootDigest | undefined;
  /** Counts the frames, where a `root` frame is to follow them. */
  #seal: Seal | undefined;
  #sealed = false;
  /** Where the frame before ends, in the destination. */
  #end = 0;

  /** What the stream says of itself; undefined for one without a hello, and before that is there. */
  get hello(): ReceivedHello | undefined {
    return this.#hello;
  }

  /** How the blocks were digested. */
  get hashing(): Hashing {
    return this.#hello ?? DEFAULT_HASHING;
  }

  /** The root of the destination, where the stream ended with it. */
  get root(): RootDigest | undefined {
    return this.#root;
  }

  /**
   * What the stream goes on with at the start of `bytes`. Nothing is taken from it: that is `take`.
   * @param streamOffset bytes from the start of the stream to `bytes`
   * @throws ProtocolError as soon as the bytes that show a fault are there
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
    const decoded = decodeHashFrame(frame, whole, start);
    return decoded === undefined
      ? { kind: "partial" }
      : { kind: "frame", frame: decoded, start, bytes: frame };
  }

  /**
   * Goes on behind what was peeked.
   * @throws ProtocolError for what is in the wrong place, or a `root` frame that is not that of the frames before
   */
  take(peeked: PeekedHash): void {
    if (peeked.kind === "frame" && this.#seal !== undefined) {
      this.#ascend(peeked.frame, peeked.start);
      this.#seal.add(peeked.bytes);
    } else if (peeked.kind === "description") this.#describe(peeked.bytes, peeked.start);
  }

  /**
   * Decodes the complete frames at the start of `bytes`, up to `done`; what
   * follows `done` is not looked at. A partial frame is left unconsumed, to be
   * passed again with more bytes behind it.
   * @param streamOffset bytes from the start of the stream to `bytes`
   * @throws ProtocolError as soon as the bytes that show a fault are there; the
   *   good frames before it in `bytes` are lost
   */
  decode(bytes: Uint8Array, streamOffset: number): DecodedHashFrames {
    const frames: HashFrame[] = [];
    let at = 0;
    for (;;) {
      const peeked = this.peek(bytes.subarray(at), streamOffset + at);
      if (peeked.kind === "partial") return { frames, consumed: at, done: false };
      if (peeked.kind === "done") return { frames, consumed: at + COMMAND_LENGTH, done: true };
      this.take(peeked);
      if (peeked.kind === "frame") frames.push(peeked.frame);
      at += peeked.bytes.length;
    }
  }

  /**
   * The error for a hash stream that ended without `done`.
   * @param rest what `decode` left unconsumed
   * @param streamOffset bytes from the start of the stream to `rest`
   */
  ended(rest: Uint8Array, streamOffset: number): ProtocolError {
    return streamEnded("hash", rest, streamOffset, (command) => ({
      name: CUT_PARTS[command] ?? "hash",
      needed: this.#lengthOf(rest, { stream: "hash", command, offset: streamOffset }),
    }));
  }

  /** Bytes in the whole frame that `bytes` begins with, as far as that is known yet. */
  #lengthOf(bytes: Uint8Array, start: FrameStart): number {
    const { command } = start;
    if (command === "helo") {
      if (start.offset !== 0)
        throw faulty("bad-hello", start, "A `helo` frame not at the beginning");
      return descriptionLength(bytes, start, "bad-hello");
    }
    if (command === "done") {
      if (this.#seal !== undefined && !this.#sealed)
        throw faulty("damaged", start, "There is no `root` frame before `done`");
      return COMMAND_LENGTH;
    }
    // Only a frame that a flipped bit makes of `Hash` is in the deprecated form here.
    if (this.#sealed || (this.#seal !== undefined && command === "hash"))
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

  /** Refuses a frame that steps back: it may be one that was changed on the way. */
  #ascend(frame: HashFrame, start: FrameStart): void {
    const position = frame.kind === "rest" ? frame.offset : (frame.position ?? 0);
    if (position < this.#end)
      throw faulty(
        "out-of-order",
        start,
        `A \`${start.command}\` frame steps back to offset ${position}`,
      );
    this.#end = frame.kind === "rest" ? Infinity : position + frame.length;
  }
}
