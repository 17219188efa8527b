import type * as Binding from "../../../native/binding.js";

/** Slots of the memory shared with the engine, which are taken one by one. */
export class SlotPool {
  /** The memory, for the engine. */
  readonly slab: Binding.Slab;
  /** All of the memory. Do not access a slot while the engine works on it. */
  readonly memory: Uint8Array;
  readonly #free: number[];
  readonly #makeRoom: (distance: number) => boolean;
  #waiting: (() => void)[] = [];

  /**
   * Allocates `count` slots of `length` bytes. The kernel provides memory only for what is used.
   *
   * @param makeRoom frees a slot if there is one that is needed later than this distance
   */
  constructor(
    native: typeof Binding,
    count: number,
    length: number,
    makeRoom: (distance: number) => boolean,
  ) {
    this.slab = new native.Slab(count, length);
    this.memory = this.slab.expose();
    this.#free = Array.from({ length: count }, (_, index) => index);
    this.#makeRoom = makeRoom;
  }

  /** Takes a slot for what is needed at this distance; undefined if all others are needed earlier, or in use. */
  take(distance: number): number | undefined {
    return this.#free.length > 0 || this.#makeRoom(distance) ? this.#free.pop() : undefined;
  }

  /** Gives a slot back. */
  release(slot: number): void {
    this.#free.push(slot);
    this.retry();
  }

  /** Makes those who wait look again: what is needed, or in use, has changed. */
  retry(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) {
      resolve();
    }
  }

  /** Waits until there is a slot, or one that can be freed. */
  async room(): Promise<void> {
    while (this.#free.length === 0 && !this.#makeRoom(0)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Returns the offset of a slot in the memory. */
  offsetOf(slot: number): number {
    return slot * this.slab.slotLength;
  }
}
