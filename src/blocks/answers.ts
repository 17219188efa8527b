import { ProtocolError } from "../protocol/error.ts";
import { Condition } from "../transport/waiting/condition.ts";

/** The parts that this process has asked for, until the other side marks them as answered. */
export class Answers {
  /** Ends of the parts that are not answered yet, in ascending order. */
  readonly #pending: number[] = [];
  /** Bytes in the block stream; undefined until it has ended. */
  #length: number | undefined;
  readonly #condition = new Condition();

  /**
   * Adds a part that ends at `offset`.
   *
   * @throws ProtocolError if the block stream has ended already
   */
  expect(offset: number): void {
    this.#pending.push(offset);
    if (this.#length !== undefined) {
      this.end(this.#length);
    }
  }

  /**
   * Takes a mark of the block stream.
   *
   * @throws ProtocolError `not-asked` for one that is not expected next
   */
  take(offset: number, streamOffset: number): void {
    if (this.#pending[0] !== offset) {
      throw new ProtocolError(
        "not-asked",
        streamOffset,
        `a \`mark\` frame for offset ${offset} that the destination has not asked for, at byte ${streamOffset} of the block input stream`,
      );
    }
    this.#pending.shift();
    this.#condition.changed();
  }

  /** Resolves when fewer than `most` parts are not answered yet. */
  async fewerThan(most: number): Promise<void> {
    while (this.#pending.length >= most) {
      await this.#condition.change();
    }
  }

  /**
   * Marks the end of the block stream.
   *
   * @param streamOffset bytes in the stream
   * @throws ProtocolError if a part is not answered
   */
  end(streamOffset: number): void {
    this.#length = streamOffset;
    const [offset] = this.#pending;
    if (offset !== undefined) {
      throw new ProtocolError(
        "damaged",
        streamOffset,
        `the block stream ends without the \`mark\` frame for offset ${offset}, at byte ${streamOffset} of the block input stream`,
      );
    }
  }
}
