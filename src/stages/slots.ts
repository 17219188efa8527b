import type * as Binding from "../native/binding.js";

/** A slot of the memory that is shared with the engine, lent to one batch. */
export interface Slot {
  /** Number of the slot, for the engine. */
  index: number;
  /** Its bytes. Neither read nor written while the engine works on the slot. */
  memory: Uint8Array;
}

/** The slots of a slab, lent out one by one: what bounds the memory of a stage. */
export class Slots {
  /** The memory, for the engine. */
  readonly slab: Binding.Slab;
  readonly #free: Slot[] = [];
  readonly #waiting: ((slot: Slot) => void)[] = [];

  /** `count` slots of `length` bytes. Memory that is never touched costs nothing. */
  constructor(native: typeof Binding, count: number, length: number) {
    this.slab = new native.Slab(count, length);
    const memory = this.slab.expose();
    for (let index = 0; index < count; index++) {
      const start = index * this.slab.slotLength;
      this.#free.push({ index, memory: memory.subarray(start, start + this.slab.slotLength) });
    }
  }

  /** Takes a slot, waiting until there is one. */
  take(): Promise<Slot> {
    const slot = this.#free.pop();
    return slot === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(slot);
  }

  /** Gives a slot back. */
  release(slot: Slot): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#free.push(slot);
    } else {
      next(slot);
    }
  }
}
