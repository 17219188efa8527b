import { Spool } from "./spool.ts";
import type { Output } from "./streams.ts";

/** What a stage writes its stream to. */
export type StreamOutput = Pick<Output, "isRewritable" | "write" | "rewrite" | "finish">;

/** Bytes that are read back at once: more than any beginning that is written again. */
const CHUNK = 256 * 1024;

/**
 * Holds a stream back, outside the memory, until all of it is there. So its beginning can say what is only known at its end, also in
 * a pipe.
 */
export class SpooledOutput implements StreamOutput {
  readonly isRewritable = true;
  readonly #spool: Spool;
  readonly #output: StreamOutput;
  #beginning: Uint8Array = new Uint8Array(0);

  private constructor(spool: Spool, output: StreamOutput) {
    this.#spool = spool;
    this.#output = output;
  }

  /**
   * Begins one with nothing in it, for what is to go to `output`.
   *
   * @throws SpoolError
   */
  static async begin(output: StreamOutput): Promise<SpooledOutput> {
    return new SpooledOutput(await Spool.create(), output);
  }

  /**
   * Adds all of `parts`, in order.
   *
   * @throws SpoolError
   */
  async write(parts: Uint8Array[]): Promise<void> {
    await this.#spool.append(Buffer.concat(parts));
  }

  /** Replaces the beginning by one that is as long, at most 256 KiB. */
  rewrite(beginning: Uint8Array): Promise<void> {
    this.#beginning = beginning;
    return Promise.resolve();
  }

  /**
   * Adds the end, and passes all of it on.
   *
   * @throws SpoolError, and what the output throws
   */
  async finish(parts: Uint8Array[]): Promise<void> {
    await this.write(parts);
    await this.#spool.flush();
    let beginning = this.#beginning;
    let last: Uint8Array[] = [];
    for await (const chunk of this.#spool.chunks(CHUNK)) {
      await this.#output.write(last);
      chunk.set(beginning);
      beginning = new Uint8Array(0);
      last = [chunk];
    }
    // Together with the end: whoever reads it may be gone as soon as it has that.
    await this.#output.finish(last);
  }
}
