import type { Readable } from "node:stream";

/** Takes a stream apart into pieces of given lengths. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer[] = [];
  #length = 0;

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** The next bytes, or `undefined` if the stream ends before. */
  async take(length: number): Promise<Buffer | undefined> {
    while (this.#length < length) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#rest.push(next.value);
      this.#length += next.value.length;
    }
    const all = Buffer.concat(this.#rest);
    this.#rest = [all.subarray(length)];
    this.#length -= length;
    return all.subarray(0, length);
  }
}
