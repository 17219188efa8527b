// A source that answers digests in the plainest way, and may lie.
import { createHash } from "node:crypto";
import { HashDecoder } from "../../src/protocol/hash-stream/decoder.ts";
import type { HashFrame } from "../../src/protocol/hash-stream/frames.ts";
import {
  blckFrame,
  headFrame,
  markFrame,
  rootFrame,
  type Sealed,
  zeroFrame,
} from "../support/wire/extended.ts";
import { field, u32, u64 } from "../support/wire/description-frames.ts";
import { DONE } from "../support/wire/frames.ts";
import { BLOCK, blocksOf, digestOf, type Model, type ModelBlock } from "./numbered-file.ts";

/** Ways in which a source departs from what it was asked for. */
export interface Lies {
  /** Changes what it sends; by default nothing. */
  send?: undefined | ((frames: Sealed[]) => Sealed[]);
  /** The size that it names. */
  size?: number;
  /** It ends before it has answered a mark. */
  endsEarly?: boolean;
}

/** Answers digests in the plainest way. */
export class PlainSource {
  readonly #model: Model;
  readonly #lies: Lies;
  readonly #decoder = new HashDecoder();
  #rest: Buffer = Buffer.alloc(0);
  #offset = 0;
  #last: (HashFrame & { kind: "hash" }) | undefined;
  readonly #sent: Sealed[] = [];
  readonly #parts = createHash("sha3-512");

  constructor(model: Model, lies: Lies) {
    this.#model = model;
    this.#lies = lies;
    this.#parts.update("blockcopy parts 1 blake3\n").update(u32(BLOCK));
  }

  /** Returns the answer to the next bytes of the digests. */
  answer(chunk: Uint8Array): Buffer {
    const isFirst = this.#offset === 0;
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const { frames, consumed, done } = this.#decoder.decode(this.#rest, this.#offset);
    this.#rest = Buffer.from(this.#rest.subarray(consumed));
    this.#offset += consumed;
    const answers = frames.flatMap((frame) => this.#to(frame));
    if (done && this.#last !== undefined) answers.push(...this.#compare(this.#last));
    const sent = (this.#lies.send ?? ((all) => all))(answers);
    this.#sent.push(...sent);
    return Buffer.concat([
      ...(isFirst && consumed > 0 ? [this.#head()] : []),
      ...sent.map(({ bytes }) => bytes),
      ...(done ? [rootFrame(this.#sent, undefined, [field(4, this.#digest())]), DONE] : []),
    ]);
  }

  #head(): Buffer {
    const { size = 0, root = Buffer.alloc(64) } = this.#decoder.hello ?? {};
    const source = [field(1, u64(this.#lies.size ?? this.#model.size))];
    return headFrame({ digest: "blake3", blockSize: BLOCK, base: { size, root }, source });
  }

  #digest(): Buffer {
    return this.#parts.copy().update(u64(this.#model.size)).digest();
  }

  #to(frame: HashFrame): Sealed[] {
    const last = this.#last;
    this.#last = undefined;
    if (frame.kind === "rest") {
      const isWithin = last !== undefined && frame.offset < this.#model.size;
      const begin = isWithin ? (last.position ?? 0) : frame.offset;
      const before = last === undefined || isWithin ? [] : this.#compare(last);
      const rest = blocksOf(this.#model).filter(({ position }) => position >= begin);
      return [...before, ...rest.flatMap((block) => this.#send(block))];
    }
    const before = last === undefined ? [] : this.#compare(last);
    if (frame.kind === "mark") return [...before, markFrame(frame.offset)];
    if (frame.length === BLOCK) return [...before, ...this.#compare(frame)];
    this.#last = { ...frame, digest: Buffer.from(frame.digest) };
    return before;
  }

  #compare({ position = 0, digest }: HashFrame & { kind: "hash" }): Sealed[] {
    if (position >= this.#model.size) return [];
    const block = this.#blockAt(position);
    if (Buffer.compare(block.digest, digest) === 0) {
      this.#count(block);
      return [];
    }
    return this.#send(block);
  }

  #send(block: ModelBlock): Sealed[] {
    this.#count(block);
    const { position, length, digest } = block;
    if (this.#model.blocks[position / BLOCK] === 0) return [zeroFrame(position, length)];
    const payload = Buffer.alloc(1 + (position % 7), 3);
    return [blckFrame({ position, block: length, codec: 2, digest, payload })];
  }

  #count({ position, length, digest }: ModelBlock): void {
    this.#parts.update(u64(position)).update(u32(length)).update(digest);
  }

  #blockAt(position: number): ModelBlock {
    const length = Math.min(BLOCK, this.#model.size - position);
    const digest = digestOf(this.#model.blocks[position / BLOCK] ?? 0, length);
    return { position, length, digest };
  }
}
