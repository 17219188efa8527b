import type * as Binding from "../../../native/binding.js";
import { clock } from "../../../native/clock.ts";
import { Condition } from "../../../transport/waiting/condition.ts";
import { settlesWithin } from "../../../transport/waiting/settles-within.ts";

/** Milliseconds after which those who wait look again, even if nothing has changed but the time. */
const TICK = 100;

/** Size of the memory, and what its owner does to free some of it. */
interface PoolOptions {
  slots: number;
  /** Bytes of a slot. */
  length: number;
  /** The most slots of compressed blocks. */
  packs: number;
  /** Frees a slot if there is one that is needed later than this distance, and need not stay for a reader before chunk `at`. */
  makeRoom: (distance: number, at: number) => boolean;
  /** Frees a slot of compressed blocks, if there is one that is not in use. */
  dropPacks: () => boolean;
}

/** Slots of the memory shared with the engine, which are taken one by one. */
export class SlotPool {
  /** The memory, for the engine. */
  readonly slab: Binding.Slab;
  /** All of the memory. Do not access a slot while the engine works on it. */
  readonly memory: Uint8Array;
  readonly #free: number[];
  readonly #options: PoolOptions;
  #packs = 0;
  readonly #condition = new Condition();

  /** Allocates all slots. The kernel provides memory only for what is used. */
  constructor(native: typeof Binding, options: PoolOptions) {
    const { slots, length } = options;
    this.slab = new native.Slab(slots, length);
    this.memory = this.slab.expose();
    this.#free = Array.from({ length: slots }, (_, index) => index);
    this.#options = options;
  }

  /**
   * Takes a slot for what is needed at this distance; undefined if all others are needed earlier, or in use, or stay for a reader before
   * chunk `at`.
   */
  take(distance: number, at = 0): number | undefined {
    return this.#hasRoom(distance, at) ? this.#free.pop() : undefined;
  }

  /** Takes a slot for compressed blocks; undefined if those in use have all that they may have, or there is no slot. */
  takeForPack(): number | undefined {
    const { packs, dropPacks } = this.#options;
    if (this.#packs >= packs && !dropPacks()) {
      return undefined;
    }
    const slot = this.take(0);
    this.#packs += slot === undefined ? 0 : 1;
    return slot;
  }

  /** Gives a slot of compressed blocks back. */
  releasePack(slot: number): void {
    this.#packs -= 1;
    this.release(slot);
  }

  /** Gives a slot back. */
  release(slot: number): void {
    this.#free.push(slot);
    this.retry();
  }

  /** Makes those who wait look again: what is needed, or in use, has changed. */
  retry(): void {
    this.#condition.changed();
  }

  /** Waits until there is a slot for chunk `at`, or one that can be freed. Tells each time since when it has waited. */
  async room(at: number, waited: (since: number) => void): Promise<void> {
    while (!this.#hasRoom(0, at)) {
      const begun = clock();
      await settlesWithin(this.#condition.change(), TICK);
      waited(begun);
    }
  }

  #hasRoom(distance: number, at: number): boolean {
    return this.#free.length > 0 || this.#options.makeRoom(distance, at);
  }

  /** Returns the offset of a slot in the memory. */
  offsetOf(slot: number): number {
    return slot * this.slab.slotLength;
  }
}
