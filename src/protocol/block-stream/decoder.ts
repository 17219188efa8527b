import { BLOCK_HEADER_LENGTH, type BlockHeader, decodeBlockHeader } from "./frames.ts";
import { COMMAND_LENGTH, type FrameStart, readCommand, unknownCommand, viewOf } from "../bytes.ts";
import { descriptionLength, faulty } from "../description.ts";
import { DIGEST_LENGTHS } from "../digest.ts";
import type { ProtocolError } from "../error.ts";
import { decodeHead, type Head } from "./head.ts";
import { decodeRecordHeader, headerLength } from "./record.ts";
import type { RootDigest } from "../root-digest.ts";
import { Seal } from "../seal.ts";
import { type CutPart, cutOff, streamEnded } from "../stream-end.ts";

/** One frame of the block stream, which retrieve writes and save reads. */
export interface BlockFrame extends BlockHeader {
  /** Where in the decoded memory the payload begins. */
  offset: number;
}

/** What `BlockDecoder.decode` found. */
export interface DecodedBlockFrames {
  /** The complete frames of blocks and zeros, in order. */
  frames: BlockFrame[];
  /** Bytes that all complete frames take, with those of `done`. */
  consumed: number;
  /** Whether the stream is complete. */
  done: boolean;
  /**
   * Bytes of memory, from the first unconsumed one on, that the partial frame
   * there takes in all, as far as that is known; 0 when none has begun. While its header is incomplete
   * this is the length of a header. Do not wait for so many: `done` is shorter.
   */
  needed: number;
}

/** What a block stream goes on with, as far as its bytes tell. */
export type Peeked =
  | { kind: "partial"; needed: number }
  | { kind: "block"; header: BlockHeader; bytes: Uint8Array }
  | { kind: "description"; start: FrameStart; bytes: Uint8Array }
  | { kind: "done" };

/** What a frame that is all header is called. */
const CUT_PARTS: Readonly<Record<string, string>> = { head: "head", zero: "zeros", root: "root" };

/** Decodes a block stream, whose bytes it is given in order. */
export class BlockDecoder {
  #head: (Head & { version: string }) | undefined;
  #root: RootDigest | undefined;
  /** Counts the frames of an extended stream. */
  #seal: Seal | undefined;
  #sealed = false;
  /** Where the block before ends, in the destination. */
  #end = 0;

  /** What an extended stream says of itself; undefined for any other, and before that is there. */
  get head(): (Head & { version: string }) | undefined {
    return this.#head;
  }

  /** The root of the source, where an extended stream ended with it. */
  get root(): RootDigest | undefined {
    return this.#root;
  }

  /**
   * What the stream goes on with at the start of `bytes`. Nothing is taken from it: that is `take`.
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
    const header = decodeRecordHeader(whole, start);
    if (header.position < this.#end)
      throw faulty(
        "out-of-order",
        start,
        `A \`${command}\` frame steps back to offset ${header.position}`,
      );
    return { kind: "block", header, bytes: whole };
  }

  /**
   * Goes on behind what was peeked.
   * @throws ProtocolError for a `head` that cannot be read, or a `root` that is not that of the frames before
   */
  take(peeked: Peeked): void {
    if (peeked.kind === "block" && this.#seal !== undefined) {
      const { position, block = 0 } = peeked.header;
      this.#end = position + block;
      this.#seal.addRecord(peeked.bytes);
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
   * Decodes the complete frames at the start of `memory` from `start` to `end`,
   * up to `done`; what follows `done` is not looked at. A partial frame is left
   * unconsumed, to be passed again with more bytes behind it.
   * @param streamOffset bytes from the start of the stream to `start`
   * @param most frames to decode; those that follow are left unconsumed
   * @throws ProtocolError as soon as the command or header that is at fault is
   *   there; the good frames before it in `memory` are lost
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
   * The error for a block stream that ended without `done`.
   * @param rest what `decode` left unconsumed
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

  /** Bytes in the frame that `bytes` begins with, without a payload, as far as that is known yet. */
  #lengthOf(bytes: Uint8Array, start: FrameStart): number {
    const { command } = start;
    if (command === "head" && start.offset === 0) return descriptionLength(bytes, start, "damaged");
    if (this.#head === undefined) {
      if (command === "done") return COMMAND_LENGTH;
      if (command !== "data" && command !== "dlzm") throw unknownCommand(start);
      return BLOCK_HEADER_LENGTH;
    }
    if (command === "done") {
      if (!this.#sealed) throw faulty("damaged", start, "There is no `root` frame before `done`");
      return COMMAND_LENGTH;
    }
    if (this.#sealed) throw unknownCommand(start);
    if (command === "root") return descriptionLength(bytes, start, "damaged");
    const length = headerLength(command, DIGEST_LENGTHS[this.#head.digest]);
    if (length === undefined) throw unknownCommand(start);
    return length;
  }
}

/** The error for a block stream that ended `available` bytes behind the start of a frame, inside its payload. */
export function blockDataEnded(header: BlockHeader, available: number): ProtocolError {
  return cutOff("truncated-frame", "block", available, header.streamOffset, payloadOf(header));
}

function payloadOf({ headerLength: before, length }: BlockHeader): CutPart {
  return { name: "block data", needed: before + length };
}
