import { crc32 } from "node:zlib";

import type { FrameStart } from "./bytes.ts";
import { CRC_LENGTH, decodeDescription, encodeDescription, faulty } from "./description.ts";
import { type Field, readU32, readU64, REQUIRED, u32, u64 } from "./fields.ts";
import { decodeRootDigest, encodeRootDigest, type RootDigest } from "./root-digest.ts";

const TAG = { frames: REQUIRED | 1, crc: REQUIRED | 2, root: 3 };

/**
 * Counts the frames between the first and the `root` frame of an extended stream, which then says so: what was dropped,
 * repeated or changed on the way shows.
 */
export class Seal {
  #frames = 0;
  #crc = 0;

  /** Adds `count` frames that have no checksum of their own. */
  add(frames: Uint8Array, count = 1): void {
    this.#frames += count;
    this.#crc = crc32(frames, this.#crc);
  }

  /**
   * Adds a record: its header without the checksum there, since of bytes with their own CRC-32 behind them another one
   * tells 16 bits at most.
   */
  addRecord(header: Uint8Array): void {
    this.add(header.subarray(0, header.length - CRC_LENGTH));
  }

  /** The `root` frame: what was counted, and the root digest of what the stream is about, where it is known. */
  encode(root: RootDigest | undefined): Uint8Array {
    const fields: Field[] = [
      { tag: TAG.frames, value: u64(this.#frames) },
      { tag: TAG.crc, value: u32(this.#crc) },
    ];
    if (root !== undefined) fields.push({ tag: TAG.root, value: encodeRootDigest(root) });
    return encodeDescription("root", fields);
  }

  /**
   * The root digest that a whole `root` frame says, if it does.
   * @throws ProtocolError `damaged` when the frames before are not those that were written; `unsupported`
   */
  decode(frame: Uint8Array, start: FrameStart): RootDigest | undefined {
    let root: RootDigest | null | undefined;
    let frames: number | undefined;
    let crc: number | undefined;
    decodeDescription(
      frame,
      start,
      "damaged",
      new Map([
        [TAG.frames, (value) => (frames = readU64(value)) !== undefined],
        [TAG.crc, (value) => (crc = readU32(value, 0, 2 ** 32 - 1)) !== undefined],
        [TAG.root, (value) => (root = decodeRootDigest(value)) !== undefined],
      ] as const),
    );
    if (frames !== this.#frames)
      throw faulty(
        "damaged",
        start,
        `${this.#frames} frames came, not ${frames ?? "as many as written"}`,
      );
    if (crc !== this.#crc)
      throw faulty("damaged", start, "The frames are not those that were written");
    return root ?? undefined;
  }
}
