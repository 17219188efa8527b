import { WrittenBlocks } from "../blocks/written-blocks.ts";
import type { DigestName } from "../protocol/digest.ts";
import { Spool } from "../transport/streams/spool.ts";
import type { OldCache } from "./replace-cache.ts";

/** The words of a source at the end of one of several streams. */
interface Claim {
  /** Digest of the parts that it has answered. */
  parts: Uint8Array;
  /** Size of the source in bytes. */
  size: number;
}

/** The end of a hand-over. */
interface Ending extends Claim {
  /** The state of the old cache at the first write of this stream. */
  old: OldCache;
}

/** The work of one of several streams. */
export interface Done extends Ending {
  /** The blocks that it has written, with their digests. */
  written: WrittenBlocks;
}

/** The states of an old cache, by their numbers in a hand-over. */
const STATES: readonly OldCache[] = ["removed by another stream", "right", "wrong"];

/** Bytes of a digest of parts, and of the end of a hand-over: that digest, the size of the source, the bytes before, and a state. */
const PARTS_LENGTH = 64;
const END_LENGTH = PARTS_LENGTH + 17;

/** The blocks that a later stream writes, in a file without a name that the first stream has made and reads at the end. */
export class HandOver {
  readonly written: WrittenBlocks;
  readonly #spool: Spool;

  /** Begins one in an empty file. */
  constructor(digest: DigestName, spool: Spool) {
    this.#spool = spool;
    this.written = WrittenBlocks.in(digest, spool);
  }

  /**
   * Completes it. Call it when the stream has synced and verified what it has written.
   *
   * @throws TemporaryError
   */
  async finish({ parts, size, old }: Ending): Promise<void> {
    await this.written.end();
    const end = Buffer.alloc(END_LENGTH);
    end.set(parts);
    end.writeBigUInt64BE(BigInt(size), PARTS_LENGTH);
    end.writeBigUInt64BE(BigInt(this.#spool.length), PARTS_LENGTH + 8);
    end.writeUInt8(STATES.indexOf(old), PARTS_LENGTH + 16);
    await this.#spool.append(end);
    await this.#spool.flush();
  }

  /**
   * Reads one that a process has completed. Returns undefined if none has.
   *
   * @throws TemporaryError
   */
  static async read(digest: DigestName, file: number): Promise<Done | undefined> {
    const spool = Spool.over(file);
    const end = await spool.takeEnd(END_LENGTH);
    if (end?.readBigUInt64BE(PARTS_LENGTH + 8) !== BigInt(spool.length)) {
      return undefined;
    }
    return {
      parts: end.subarray(0, PARTS_LENGTH),
      size: Number(end.readBigUInt64BE(PARTS_LENGTH)),
      old: STATES[end.readUInt8(PARTS_LENGTH + 16)] ?? "wrong",
      written: WrittenBlocks.in(digest, spool),
    };
  }
}
