import { HashEncoder } from "../../protocol/hash-stream/encoder.ts";
import { MAX_POSITION } from "../../protocol/limits.ts";
import type { Take } from "../../transport/streams/pump.ts";
import { Answer } from "./answer.ts";
import { DigestParts, type NamedHello } from "./digest-parts.ts";
import { Merge } from "./merge.ts";
import type { SharedSpool } from "../../transport/streams/shared-spool.ts";
import type { Digesting } from "./source-digests.ts";

/** The streams of a copy, and where their merged answer goes. */
interface GatherOptions {
  /** The number of sources. */
  streams: number;
  /** Keeps what cannot be written yet. */
  spool: SharedSpool;
  /** Writes the merged answer. */
  write: Take;
  /** Returns the error for a fault that was found in the digests, or in an answer. */
  explain: (role: "source" | "destination", error: unknown) => unknown;
}

/**
 * Has several streams of one source answer the digests of one destination, and merges what they send into one block stream. Each takes one
 * part after the other.
 */
export class Gather {
  readonly #explain: GatherOptions["explain"];
  readonly #digests: DigestParts;
  readonly #merge: Merge;
  readonly #answers: readonly Answer[];
  /** The number of sources whose programs run. */
  #running: number;

  constructor(digesting: Digesting, { streams, spool, write, explain }: GatherOptions) {
    this.#explain = explain;
    this.#digests = new DigestParts(streams);
    this.#merge = new Merge({ native: digesting.native, spool, write });
    this.#answers = Array.from({ length: streams }, () => new Answer(digesting, this.#merge));
    this.#running = streams;
  }

  /**
   * Takes the next bytes of the digests of the destination.
   *
   * @throws the error that `explain` returns
   */
  readonly takeDigests: Take = (chunk) =>
    this.#explained("destination", () => this.#digests.take(chunk));

  /** Takes the end of that stream. */
  readonly digestsClosed = (): void => this.#digests.closed();

  /** Yields the digests that one of the sources is to compare, as a hash stream, while it answers. */
  async *digestsFor(stream: number): AsyncGenerator<Uint8Array> {
    const answer = this.#answerOf(stream);
    const hello = await this.#digests.hello();
    const encoder = encoderFor(hello);
    answer.begin(hello);
    yield* encoder.begin();
    for (;;) {
      await answer.fewerThan(this.#digests.isNearEnd ? 1 : 2);
      const part = await this.#digests.next();
      if (part === undefined) {
        break;
      }
      const { start, end, digests, isLast } = part;
      answer.open(part);
      yield encoder.blocks(start, end - start, digests);
      yield isLast ? encoder.rest(end) : encoder.mark(end);
    }
    yield* encoder.end(undefined);
  }

  /** Returns what takes the answer of one of the sources. */
  answerTo(stream: number): Take {
    const answer = this.#answerOf(stream);
    return (chunk) =>
      this.#explained("source", () => answer.take(chunk)).catch((error: unknown) => {
        // There will be no delta: the other sources get no more digests.
        this.#digests.fail(error);
        throw error;
      });
  }

  /** Takes the end of the answer of one of the sources. If it is not complete, the source is asked for nothing more. */
  answerClosed(stream: number): void {
    this.#answerOf(stream).close();
  }

  /** Takes the end of the program of a source. When none is left, the rest of the digests is dropped. */
  sourceEnded(): void {
    this.#running -= 1;
    if (this.#running === 0) {
      this.#digests.closed();
    }
  }

  /**
   * Checks that all answers are complete.
   *
   * @throws ProtocolError
   */
  end(): void {
    for (const answer of this.#answers) {
      answer.end();
    }
  }

  /**
   * Checks that all is complete, and writes the end of the merged stream.
   *
   * @throws the error that `explain` returns
   */
  async finish(): Promise<void> {
    await this.#explained("destination", () => this.#digests.end());
    await this.#explained("source", async () => {
      this.end();
      await this.#merge.finish(this.#digests.count);
    });
  }

  #answerOf(stream: number): Answer {
    const answer = this.#answers[stream];
    if (answer === undefined) {
      throw new RangeError(`there is no stream ${stream}`);
    }
    return answer;
  }

  async #explained(
    role: "source" | "destination",
    work: () => Promise<void> | void,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw this.#explain(role, error);
    }
  }
}

/** Returns the encoder of the digests for one source. */
function encoderFor({ digest, blockSize, accepts, size, root, storage }: NamedHello): HashEncoder {
  const hashing = { digest, blockSize };
  const about = { accepts, size, root, storage, end: MAX_POSITION, marks: true };
  return new HashEncoder(hashing, about);
}
