import type * as Binding from "../native/binding.js";

/** A slot of the memory shared with the engine, lent to one batch. */
export interface Slot {
  /** Number of the slot, for the engine. */
  index: number;
  /** The bytes of the slot. Do not access them while the engine works on it. */
  memory: Uint8Array;
  /** Number of bytes that the batch uses. */
  bytes: number;
}

/** Most bytes in flight in a stage, unless a single batch is larger. */
const IN_FLIGHT = 32 * 1024 * 1024;

/**
 * Returns the number of batches of `length` bytes to have in flight: enough to keep the engine's threads busy, and one on its
 * way to or from JavaScript. More would be slower: memory that is reused soon is still in the CPU's cache.
 */
export function batchesInFlight(engine: Binding.Engine, length: number): number {
  return Math.min(Math.ceil(engine.appetite / length) + 1, Math.floor(IN_FLIGHT / length));
}

/** Lends out the slots of a slab, which bounds the memory of a stage. */
export class Slots {
  /** The memory, for the engine. */
  readonly slab: Binding.Slab;
  readonly #free: number[];
  readonly #memory: Uint8Array;
  readonly #waiting: { bytes: number; resolve: (slot: Slot) => void }[] = [];
  #inFlight = 0;

  /** Allocates `count` slots of `length` bytes. The kernel provides memory only for what is used. */
  constructor(native: typeof Binding, count: number, length: number) {
    this.slab = new native.Slab(count, length);
    this.#memory = this.slab.expose();
    this.#free = Array.from({ length: count }, (_, index) => index);
  }

  /** Takes a slot for a batch of `bytes` bytes. Waits in turn until a slot is free and the bytes in flight allow it. */
  take(bytes: number): Promise<Slot> {
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, resolve });
      this.#serve();
    });
  }

  /** Returns a slot. */
  release(slot: Slot): void {
    this.#free.push(slot.index);
    this.#inFlight -= slot.bytes;
    this.#serve();
  }

  #serve(): void {
    for (;;) {
      const [next] = this.#waiting;
      const fits = this.#inFlight === 0 || this.#inFlight + (next?.bytes ?? 0) <= IN_FLIGHT;
      const index = next !== undefined && fits ? this.#free.pop() : undefined;
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
