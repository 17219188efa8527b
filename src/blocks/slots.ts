import type * as Binding from "../native/binding.js";

/** A slot of the memory that is shared with the engine, lent to one batch. */
export interface Slot {
  /** Number of the slot, for the engine. */
  index: number;
  /** Its bytes. Neither read nor written while the engine works on the slot. */
  memory: Uint8Array;
  /** How many of them the batch takes. */
  bytes: number;
}

/** No more bytes than this are in flight in a stage, unless a single batch is larger. */
const IN_FLIGHT = 32 * 1024 * 1024;

/**
 * How many batches of `length` bytes are in flight: enough to keep the threads of the engine busy, and one that is on its way
 * to or from JavaScript; no more, because memory that is used again soon is still in the cache of the CPU.
 */
export function batchesInFlight(engine: Binding.Engine, length: number): number {
  return Math.min(Math.ceil(engine.appetite / length) + 1, Math.floor(IN_FLIGHT / length));
}

/** The slots of a slab, lent out one by one: what bounds the memory of a stage. */
export class Slots {
  /** The memory, for the engine. */
  readonly slab: Binding.Slab;
  readonly #free: number[];
  readonly #memory: Uint8Array;
  readonly #waiting: { bytes: number; resolve: (slot: Slot) => void }[] = [];
  #inFlight = 0;

  /** `count` slots of `length` bytes. Memory that is never touched costs nothing. */
  constructor(native: typeof Binding, count: number, length: number) {
    this.slab = new native.Slab(count, length);
    this.#memory = this.slab.expose();
    this.#free = Array.from({ length: count }, (_, index) => index);
  }

  /** Takes a slot for a batch of `bytes`, in turn, waiting until there is one and the bytes in flight allow it. */
  take(bytes: number): Promise<Slot> {
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, resolve });
      this.#serve();
    });
  }

  /** Gives a slot back. */
  release(slot: Slot): void {
    this.#free.push(slot.index);
    this.#inFlight -= slot.bytes;
    this.#serve();
  }

  #serve(): void {
    for (;;) {
      const [next] = this.#waiting;
      const room = this.#inFlight === 0 || this.#inFlight + (next?.bytes ?? 0) <= IN_FLIGHT;
      const index = next !== undefined && room ? this.#free.pop() : undefined;
      if (next === undefined || index === undefined) {
        return;
      }
      this.#waiting.shift();
      this.#inFlight += next.bytes;
      const start = index * this.slab.slotLength;
      const memory = this.#memory.subarray(start, start + this.slab.slotLength);
      next.resolve({ index, memory, bytes: next.bytes });
    }
  }
}
