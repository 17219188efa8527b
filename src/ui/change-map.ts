/** The most buckets of a change map, whatever its length. */
export const MOST_BUCKETS = 4096;

/** Counts the bytes that differ in each part of a file or device, in a bounded amount of memory. */
export class ChangeMap {
  /** Length of the file or device. */
  readonly length: number;
  /** Bytes per bucket; the last one may have fewer. */
  readonly bucket: number;
  /** Bytes that differ in each bucket. */
  readonly changed: number[];

  /** @param changed the counts of another map of this length */
  constructor(length: number, changed?: readonly number[]) {
    this.length = length;
    this.bucket = Math.max(1, Math.ceil(length / MOST_BUCKETS));
    const count = Math.ceil(length / this.bucket);
    this.changed = Array.from({ length: count }, (_, index) => changed?.[index] ?? 0);
  }

  /** Bytes that differ in all buckets. */
  get total(): number {
    return this.changed.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Adds that `changed` of the `length` bytes from `position` differ. They are spread evenly. Bytes after the end are ignored. */
  add(position: number, length: number, changed = length): void {
    const end = Math.min(position + length, this.length);
    let added = 0;
    for (let at = position; at < end;) {
      const index = Math.floor(at / this.bucket);
      const next = Math.min(end, (index + 1) * this.bucket);
      // The sum so far is rounded, not each share, so that the shares add up.
      const sum = Math.round((changed * (next - position)) / length);
      this.changed[index] = (this.changed[index] ?? 0) + sum - added;
      added = sum;
      at = next;
    }
  }

  /** Adds the counts of another map of the same length. */
  merge({ changed }: Pick<ChangeMap, "changed">): void {
    for (const [index, bytes] of changed.entries()) {
      this.changed[index] = (this.changed[index] ?? 0) + bytes;
    }
  }

  /** Returns the share that differs, from 0 to 1, of each of `parts` equal parts. */
  shares(parts: number): number[] {
    const width = this.length / parts;
    return Array.from({ length: parts }, (_, part) =>
      this.#share(part * width, (part + 1) * width),
    );
  }

  #share(start: number, end: number): number {
    let changed = 0;
    for (let index = Math.floor(start / this.bucket); index * this.bucket < end; index += 1) {
      const from = index * this.bucket;
      const to = Math.min(from + this.bucket, this.length);
      const common = Math.min(end, to) - Math.max(start, from);
      if (common > 0) {
        changed += ((this.changed[index] ?? 0) * common) / (to - from);
      }
    }
    return end > start ? Math.min(1, changed / (end - start)) : 0;
  }
}
