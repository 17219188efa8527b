import type { Random } from "./random.ts";

/** A request that this disk answers with an error. */
export class MediaError extends Error {}

/**
 * A disk with a write cache: sectors are safe only once a flush has been answered. A power cut loses the others, in
 * any order, as a disk may have written any of them in the meantime.
 */
export class VolatileDisk {
  readonly #stable: Buffer;
  /** For each sector that was not flushed: its contents since the last flush, the oldest first. */
  readonly #unflushed = new Map<number, Buffer[]>();
  /** Sectors that cannot be read until they are written again. */
  readonly #bad = new Set<number>();
  readonly size: number;
  /** The unit that the disk writes as a whole, or not at all. */
  readonly sector: number;

  constructor(size: number, sector: number) {
    this.size = size;
    this.sector = sector;
    this.#stable = Buffer.alloc(size);
  }

  read(offset: number, length: number): Buffer {
    const data = Buffer.from(this.#stable.subarray(offset, offset + length));
    for (const [sector, at] of this.#sectorsOf(offset, length)) {
      if (this.#bad.has(sector)) throw new MediaError();
      this.#unflushed.get(sector)?.at(-1)?.copy(data, at);
    }
    return data;
  }

  write(offset: number, data: Buffer): void {
    for (const [sector, at] of this.#sectorsOf(offset, data.length)) {
      const versions = this.#unflushed.get(sector) ?? [];
      versions.push(Buffer.from(data.subarray(at, at + this.sector)));
      this.#unflushed.set(sector, versions);
      this.#bad.delete(sector);
    }
  }

  flush(): void {
    for (const [sector, versions] of this.#unflushed) this.#settle(sector, versions.at(-1));
    this.#unflushed.clear();
  }

  /** Keeps, for each sector that was not flushed, its old content or one of those that were written since. */
  losePower(random: Random): number {
    let lost = 0;
    for (const [sector, versions] of this.#unflushed) {
      const kept = random.below(versions.length + 1);
      if (kept < versions.length) lost += 1;
      this.#settle(sector, versions[kept - 1]);
    }
    this.#unflushed.clear();
    return lost;
  }

  /** Makes a sector unreadable until it is written. */
  damage(offset: number): void {
    this.#bad.add(Math.floor(offset / this.sector));
  }

  #settle(sector: number, content: Buffer | undefined): void {
    content?.copy(this.#stable, sector * this.sector);
  }

  /** The sectors of a request, each with the place of its first byte in the request's data. */
  *#sectorsOf(offset: number, length: number): Generator<[sector: number, at: number]> {
    const { sector } = this;
    if (offset % sector !== 0 || length % sector !== 0) {
      throw new Error(`a request of ${length} bytes at ${offset} is not made of sectors`);
    }
    for (let at = 0; at < length; at += sector) yield [(offset + at) / sector, at];
  }
}
