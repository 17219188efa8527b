import type { Random } from "./random.ts";

/** The power supply that all disks of a guest share. It can be cut at a chosen request. */
export class Power {
  #on = true;
  #requests = 0;
  #cutAt = Infinity;
  #whenCut: () => void = () => {};

  constructor(private readonly random: Random) {}

  get isOn(): boolean {
    return this.#on;
  }

  /** Writes and flushes since the last call of {@link arm}. */
  get requests(): number {
    return this.#requests;
  }

  /** Cuts the power at this request (writes and flushes count), and then calls `whenCut`. */
  arm(cutAt: number, whenCut: () => void): void {
    this.#requests = 0;
    this.#cutAt = cutAt;
    this.#whenCut = whenCut;
  }

  cut(): void {
    if (!this.#on) return;
    this.#on = false;
    this.#whenCut();
  }

  restore(): void {
    this.#on = true;
    this.arm(Infinity, () => {});
  }

  /** Counts a write. Returns what of its data reaches the disk: all, or, at the cut, some of its first sectors of `sector` bytes. */
  spend(data: Buffer, sector: number): Buffer {
    if (!this.#on) return data.subarray(0, 0);
    if (!this.#isLast()) return data;
    this.cut();
    return data.subarray(0, this.random.below(data.length / sector + 1) * sector);
  }

  /** Counts a flush. False if it comes too late. */
  allowsFlush(): boolean {
    if (!this.#on) return false;
    if (this.#isLast()) this.cut();
    return this.#on;
  }

  #isLast(): boolean {
    this.#requests += 1;
    return this.#requests >= this.#cutAt;
  }
}
