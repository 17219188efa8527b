const MIB = 1024 * 1024;

/** Bytes that must have differed without a gap before others are presumed to differ too. */
const CONVINCING = 32 * MIB;

/** The part of a run that is presumed after it. */
const SHARE = 1 / 4;

/** Most bytes that are presumed without a comparison. */
const LONGEST = 256 * MIB;

/**
 * Decides which batches of a copy to an export are compared, and which are written without reading the destination.
 *
 * Reading costs a server as much as writing, and where everything differs it is in vain: when an export that was in use before is filled
 * for the first time. So after a long run of blocks that all differed, up to a quarter of that run is presumed to differ. Then a batch is
 * compared, and the first block that is equal ends the run. So no more than that quarter, and what was in flight, is written in vain.
 */
export class Presumption {
  /** Bytes since the last block that was equal, up to the last comparison. */
  #run = 0;
  /** Bytes that were presumed since then, and have been written. */
  #written = 0;
  /** Bytes that were presumed since the last batch that is compared. */
  #presumed = 0;

  /** Returns true if the next batch is presumed to differ. */
  take(length: number): boolean {
    const most = this.#run < CONVINCING ? 0 : Math.min(this.#run * SHARE, LONGEST);
    const presumes = this.#presumed + length <= most;
    this.#presumed = presumes ? this.#presumed + length : 0;
    return presumes;
  }

  /** Takes the result of a batch, in their order. */
  add(length: number, { changed, presumed }: { changed: number; presumed: boolean }): void {
    if (changed < length) {
      this.#run = 0;
      this.#written = 0;
    } else if (presumed) {
      this.#written += length;
    } else {
      this.#run += this.#written + length;
      this.#written = 0;
    }
  }
}
