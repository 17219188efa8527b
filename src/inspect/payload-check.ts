import type * as Binding from "../native/binding.js";
import { isEngineFailure } from "../errors/engine-failure.ts";
import { blockDataEnded } from "../protocol/block-stream/decoder.ts";
import type { BlockHeader } from "../protocol/block-stream/frames.ts";
import type { DigestName } from "../protocol/digest.ts";
import { ProtocolError } from "../protocol/error.ts";
import { MAX_FRAME_LENGTH } from "../protocol/limits.ts";
import { Slots } from "../blocks/slots.ts";
import type { Window } from "./window.ts";

/** Starts the engine, which is needed only for a stream with digests. */
export type StartEngine = () => Binding.Engine;

/** Checks the payloads of records against their digests. */
export class PayloadCheck {
  readonly #native: typeof Binding;
  readonly #start: StartEngine;
  #engine: Binding.Engine | undefined;
  #slots: Slots | undefined;

  constructor(native: typeof Binding, start: StartEngine) {
    this.#native = native;
    this.#start = start;
  }

  /**
   * Reads and checks the record at the start of the window.
   *
   * @throws ProtocolError if it is cut off or damaged; StreamError, the engine's failures
   */
  async pass(
    window: Window,
    header: BlockHeader,
    digest: { algorithm: DigestName; bytes: Uint8Array },
  ): Promise<void> {
    const engine = (this.#engine ??= this.#start());
    const slots = (this.#slots ??= new Slots(this.#native, 1, MAX_FRAME_LENGTH));
    const { position, block, codec, length, headerLength, streamOffset } = header;
    window.consume(headerLength);
    const slot = await slots.take(length);
    const payload = slot.memory.subarray(0, length);
    for (let filled = 0; filled < length;) {
      const count = await window.read(payload.subarray(filled));
      if (count === 0) {
        throw blockDataEnded(header, headerLength + filled);
      }
      filled += count;
    }
    try {
      const frame = { position, codec, offset: 0, length, block };
      await engine.check(slots.slab, slot.index, frame, digest);
      slots.release(slot);
    } catch (error) {
      if (isEngineFailure(error) && ["wrong-digest", "corrupt-block"].includes(error.kind)) {
        throw new ProtocolError(
          "damaged",
          streamOffset,
          `${error.message}, at byte ${streamOffset} of the block input stream`,
        );
      }
      throw error;
    }
  }
}
