/** A map has no more buckets than this, however long what it is of. */
const MOST_BUCKETS = 4096;

/** How much of each part of a file or device differs: in memory that does not grow with it. */
export class ChangeMap {
  /** Bytes of what it is a map of. */
  readonly length: number;
  /** Bytes that a bucket stands for; the last one may stand for fewer. */
  readonly bucket: number;
  /** Bytes that differ, in each bucket. */
  readonly changed: number[];

  /** `changed` is what is known already. */
  constructor(length: number, changed?: readonly number[]) {
    this.length = length;
    this.bucket = Math.max(1, Math.ceil(length / MOST_BUCKETS));
    const count = Math.ceil(length / this.bucket);
    this.changed = Array.from({ length: count }, (_, index) => changed?.[index] ?? 0);
  }

  /** How much of all of it differs, in bytes. */
  get total(): number {
    return this.changed.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Of the `length` bytes from `position`, `changed` differ; nobody knows which of them. What lies behind the end is left out. */
  add(position: number, length: number, changed = length): void {
    const end = Math.min(position + length, this.length);
    let told = 0;
    for (let at = position; at < end;) {
      const index = Math.floor(at / this.bucket);
      const next = Math.min(end, (index + 1) * this.bucket);
      // Rounded on the way from the beginning, so that nothing is lost.
      const until = Math.round((changed * (next - position)) / length);
      this.changed[index] = (this.changed[index] ?? 0) + until - told;
      told = until;
      at = next;
    }
  }

  /** Adds what another map of the same length has. */
  merge({ changed }: Pick<ChangeMap, "changed">): void {
    for (const [index, bytes] of changed.entries()) {
      this.changed[index] = (this.changed[index] ?? 0) + bytes;
    }
  }

  /** Which share of each of so many equal parts differs, from 0 to 1. */
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
