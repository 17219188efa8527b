import { BLOCK_HEADER_LENGTH, type BlockHeader, decodeBlockHeader } from "./frames.ts";
import { COMMAND_LENGTH, type FrameStart, readCommand, unknownCommand, viewOf } from "../bytes.ts";
import { descriptionLength, faulty } from "../description.ts";
import { DIGEST_LENGTHS } from "../digest.ts";
import type { ProtocolError } from "../error.ts";
import { decodeHead, type Head } from "./head.ts";
import { decodeMark, decodeRecordHeader, headerLength, MARK_LENGTH } from "./record.ts";
import type { RootDigest } from "../root-digest.ts";
import { Seal } from "../seal.ts";
import { type CutPart, cutOff, streamEnded } from "../stream-end.ts";

/** One frame of the block stream, which retrieve writes and save reads. */
export interface BlockFrame extends BlockHeader {
  /** Offset of the payload in the decoded memory. */
  offset: number;
}

/** The result of `BlockDecoder.decode`. */
export interface DecodedBlockFrames {
  /** The complete frames of blocks and zeros, in order. */
  frames: BlockFrame[];
  /** Bytes of all complete frames, `done` included. */
  consumed: number;
  /** True if the stream is complete. */
  done: boolean;
  /**
   * Length of the incomplete frame after the consumed bytes; 0 if there is no such frame. While its header is incomplete,
   * this is the length of a header. Do not wait until that number has arrived: `done` is shorter.
   */
  needed: number;
}

/** The next frame of a block stream, without its payload. */
export type Peeked =
  | { kind: "partial"; needed: number }
  | { kind: "block"; header: BlockHeader; bytes: Uint8Array }
  | { kind: "description"; start: FrameStart; bytes: Uint8Array }
  | { kind: "mark"; start: FrameStart; offset: number; bytes: Uint8Array }
  | { kind: "done" };

/**
 * Takes the offset of a `mark` frame.
 * @param streamOffset bytes from the start of the stream to the frame
 */
export type TakeMark = (offset: number, streamOffset: number) => void;

/** Names in messages for frames without a payload. */
const CUT_PARTS: Readonly<Record<string, string>> = {
  head: "head",
  zero: "zeros",
  mark: "mark",
  root: "root",
};

/** Decodes a block stream. Its bytes must be passed in order. */
export class BlockDecoder {
  #head: (Head & { version: string }) | undefined;
  #root: RootDigest | undefined;
  /** Counts the frames of an extended stream. */
  #seal: Seal | undefined;
  #sealed = false;
  /** End of the block before, as an offset in the destination. */
  #end = 0;
  readonly #onMark: TakeMark | undefined;

  /** @param onMark called with each `mark` frame; undefined to refuse such frames */
  constructor(onMark?: TakeMark) {
    this.#onMark = onMark;
  }

  /** The head of an extended stream; undefined before it has been read, and for a legacy stream. */
  get head(): (Head & { version: string }) | undefined {
    return this.#head;
  }

  /** The root digest of the source; undefined until an extended stream ends with one. */
  get root(): RootDigest | undefined {
    return this.#root;
  }

  /** The digest of the parts that the stream answers; undefined until an extended stream ends with one. */
  get parts(): Uint8Array | undefined {
    return this.#seal?.parts;
  }

  /**
   * Returns the next frame, which begins with `bytes`, without consuming it: `take` does.
   * @param streamOffset bytes from the start of the stream to `bytes`
   * @throws ProtocolError as soon as the bytes that show a fault are there
   */
  peek(bytes: Uint8Array, streamOffset: number): Peeked {
    if (bytes.length < COMMAND_LENGTH) return { kind: "partial", needed: BLOCK_HEADER_LENGTH };
    const command = readCommand(viewOf(bytes), 0);
    const start: FrameStart = { stream: "block", command, offset: streamOffset };
    const length = this.#lengthOf(bytes, start);
    if (command === "done") return { kind: "done" };
    if (bytes.length < length) return { kind: "partial", needed: length };
    const whole = bytes.subarray(0, length);
    if (command === "head" || command === "root")
      return { kind: "description", start, bytes: whole };
    if (this.#seal === undefined)
      return { kind: "block", header: decodeBlockHeader(whole, start), bytes: whole };
    if (command === "mark") {
      const offset = decodeMark(whole, start);
      this.#refuseStepBack(offset, start);
      return { kind: "mark", start, offset, bytes: whole };
    }
    const header = decodeRecordHeader(whole, start);
    this.#refuseStepBack(header.position, start);
    return { kind: "block", header, bytes: whole };
  }

  /**
   * Consumes a frame that `peek` has returned.
   * @throws ProtocolError for a `head` that cannot be read, or a seal that does not match the frames before it
   */
  take(peeked: Peeked): void {
    if (peeked.kind === "block" && this.#seal !== undefined) {
      const { position, block = 0 } = peeked.header;
      this.#end = position + block;
      this.#seal.addRecord(peeked.bytes);
    } else if (peeked.kind === "mark") {
      this.#end = peeked.offset;
      this.#seal?.addRecord(peeked.bytes);
      this.#onMark?.(peeked.offset, peeked.start.offset);
    } else if (peeked.kind === "description") {
      const { start, bytes } = peeked;
      if (start.command === "head") {
        this.#head = decodeHead(bytes, start);
        this.#seal = new Seal();
      } else {
        this.#root = this.#seal?.decode(bytes, start);
        this.#sealed = true;
      }
    }
  }

  /**
   * Decodes the complete frames in `memory` from `start` to `end`, up to `done`. Ignores what follows `done`. Pass an
   * incomplete frame again, followed by more bytes.
   * @param streamOffset bytes from the start of the stream to `start`
   * @param most most frames to decode
   * @throws ProtocolError as soon as the faulty command or header is complete; the frames before it in `memory` are lost
   */
  decode(
    memory: Uint8Array,
    start: number,
    end: number,
    streamOffset: number,
    most = Infinity,
  ): DecodedBlockFrames {
    const frames: BlockFrame[] = [];
    let at = start;
    while (at < end && frames.length < most) {
      const peeked = this.peek(memory.subarray(at, end), streamOffset + at - start);
      if (peeked.kind === "partial")
        return { frames, consumed: at - start, done: false, needed: peeked.needed };
      if (peeked.kind === "done")
        return { frames, consumed: at - start + COMMAND_LENGTH, done: true, needed: 0 };
      if (peeked.kind === "block") {
        const { header } = peeked;
        const needed = header.headerLength + header.length;
        if (end - at < needed) return { frames, consumed: at - start, done: false, needed };
        frames.push({ ...header, offset: at + header.headerLength });
        at += needed;
      } else at += peeked.bytes.length;
      this.take(peeked);
    }
    return { frames, consumed: at - start, done: false, needed: 0 };
  }

  /**
   * Returns the error for a block stream that ended without `done`.
   * @param rest the bytes that `decode` has not consumed
   * @param streamOffset bytes from the start of the stream to `rest`
   */
  ended(rest: Uint8Array, streamOffset: number): ProtocolError {
    return streamEnded("block", rest, streamOffset, (command) => {
      const peeked = this.peek(rest, streamOffset);
      if (peeked.kind === "block") return payloadOf(peeked.header);
      const needed = peeked.kind === "partial" ? peeked.needed : rest.length;
      return { name: CUT_PARTS[command] ?? "block position and size", needed };
    });
  }

  #refuseStepBack(position: number, start: FrameStart): void {
    if (position < this.#end)
      throw faulty(
        "out-of-order",
        start,
        `a \`${start.command}\` frame steps back to offset ${position}`,
      );
  }

  /** Returns the length of the frame that `bytes` begin with, without its payload, as far as it is known. */
  #lengthOf(bytes: Uint8Array, start: FrameStart): number {
    const { command } = start;
    if (command === "head" && start.offset === 0) return descriptionLength(bytes, start, "damaged");
    if (this.#head === undefined) {
      if (command === "done") return COMMAND_LENGTH;
      if (command !== "data" && command !== "dlzm") throw unknownCommand(start);
      return BLOCK_HEADER_LENGTH;
    }
    if (command === "done") {
      if (!this.#sealed) throw faulty("damaged", start, "there is no `root` frame before `done`");
      return COMMAND_LENGTH;
    }
    if (this.#sealed) throw unknownCommand(start);
    if (command === "root") return descriptionLength(bytes, start, "damaged");
    if (command === "mark" && this.#onMark !== undefined) return MARK_LENGTH;
    const length = headerLength(command, DIGEST_LENGTHS[this.#head.digest]);
    if (length === undefined) throw unknownCommand(start);
    return length;
  }
}

/** Returns the error for a block stream that ended inside a payload, `available` bytes after the start of the frame. */
export function blockDataEnded(header: BlockHeader, available: number): ProtocolError {
  return cutOff("truncated-frame", "block", available, header.streamOffset, payloadOf(header));
}

function payloadOf({ headerLength: before, length }: BlockHeader): CutPart {
  return { name: "block data", needed: before + length };
}
