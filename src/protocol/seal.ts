import type { FrameStart } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { CRC_LENGTH, decodeDescription, encodeDescription, faulty } from "./description.ts";
import { type Field, readU32, readU64, REQUIRED, u32, u64 } from "./fields.ts";
import { decodeRootDigest, encodeRootDigest, type RootDigest } from "./root-digest.ts";

const TAG = { frames: REQUIRED | 1, crc: REQUIRED | 2, root: 3, parts: 4 };

/** Bytes in the digest of the parts. */
const PARTS_LENGTH = 64;

/**
 * Counts the frames of an extended stream after the first one, and computes their CRC-32. The `root` frame carries both, so
 * that dropped, repeated and changed frames are detected.
 */
export class Seal {
  #frames = 0;
  #crc = 0;
  #parts: Uint8Array | undefined;

  /** The digest of the parts that the frames answer, once `decode` has read it; undefined for a stream without marks. */
  get parts(): Uint8Array | undefined {
    return this.#parts;
  }

  /** Adds `count` frames without a checksum of their own. */
  add(frames: Uint8Array, count = 1): void {
    this.#frames += count;
    this.#crc = crc32(frames, this.#crc);
  }

  /**
   * Adds a record: its header without the checksum at the end. A CRC-32 over bytes that end with their own
   * CRC-32 tells 16 bits at most.
   */
  addRecord(header: Uint8Array): void {
    this.add(header.subarray(0, header.length - CRC_LENGTH));
  }

  /** Encodes the `root` frame, with the root digest and the digest of the parts, if they are known. */
  encode(root: RootDigest | undefined, parts?: Uint8Array): Uint8Array {
    const fields: Field[] = [
      { tag: TAG.frames, value: u64(this.#frames) },
      { tag: TAG.crc, value: u32(this.#crc) },
    ];
    if (root !== undefined) fields.push({ tag: TAG.root, value: encodeRootDigest(root) });
    if (parts !== undefined) fields.push({ tag: TAG.parts, value: parts });
    return encodeDescription("root", fields);
  }

  /**
   * Decodes a whole `root` frame, checks it, and returns the root digest if it has one.
   * @throws ProtocolError `damaged` if the frames before it are not those that were written; `unsupported`
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
        [TAG.crc, (value) => (crc = readU32(value, 2 ** 32 - 1)) !== undefined],
        [TAG.root, (value) => (root = decodeRootDigest(value)) !== undefined],
        [
          TAG.parts,
          (value) => {
            this.#parts = new Uint8Array(value);
            return value.length === PARTS_LENGTH;
          },
        ],
      ] as const),
    );
    if (frames !== this.#frames)
      throw faulty(
        "damaged",
        start,
        `${this.#frames} frames arrived, not ${frames ?? "as many as written"}`,
      );
    if (crc !== this.#crc)
      throw faulty("damaged", start, "the frames are not those that were written");
    return root ?? undefined;
  }
}
