import { Spool } from "./spool.ts";
import type { Output } from "./output.ts";

/** The output of a stage: standard output, or a spooled one. */
export type StreamOutput = Pick<Output, "isRewritable" | "write" | "rewrite" | "finish">;

/** Bytes per read. The start that `rewrite` replaces is always shorter. */
const CHUNK = 256 * 1024;

/**
 * Holds a stream back in a temporary file until it is complete. The start of the stream can then say what is only known at its end, even
 * if the output is a pipe.
 */
export class SpooledOutput implements StreamOutput {
  readonly isRewritable = true;
  readonly #spool: Spool;
  readonly #output: StreamOutput;
  #start: Uint8Array = new Uint8Array(0);

  private constructor(spool: Spool, output: StreamOutput) {
    this.#spool = spool;
    this.#output = output;
  }

  /**
   * Makes an empty one whose stream will go to `output`.
   *
   * @throws TemporaryError
   */
  static async begin(output: StreamOutput): Promise<SpooledOutput> {
    return new SpooledOutput(await Spool.create(), output);
  }

  /**
   * Appends `parts`.
   *
   * @throws TemporaryError
   */
  async write(parts: Uint8Array[]): Promise<void> {
    await this.#spool.append(Buffer.concat(parts));
  }

  /** Replaces the start of the stream with one of the same length, at most 256 KiB. */
  rewrite(start: Uint8Array): Promise<void> {
    this.#start = start;
    return Promise.resolve();
  }

  /**
   * Appends the end and passes the whole stream on.
   *
   * @throws TemporaryError, and whatever the output throws
   */
  async finish(parts: Uint8Array[]): Promise<void> {
    await this.write(parts);
    await this.#spool.flush();
    let start = this.#start;
    let last: Uint8Array[] = [];
    for await (const chunk of this.#spool.chunks(CHUNK)) {
      await this.#output.write(last);
      chunk.set(start);
      start = new Uint8Array(0);
      last = [chunk];
    }
    // The last chunk goes out with the end of the stream: the reader may leave as soon as it has that.
    await this.#output.finish(last);
  }
}
