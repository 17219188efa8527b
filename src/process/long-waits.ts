import type { Wait } from "../native/binding.js";

/** Seconds for which nothing may come back from a disk or server before a person is told. */
const QUIET = 60;

/** Milliseconds between two looks. */
const TICK = 1000;

/** The functions of the addon and of the display that it needs. */
export interface LongWaitsOptions {
  native: { longestWait: () => Wait | null };
  warn: (message: string) => void;
}

/**
 * Tells a person, once, when a disk or server has answered nothing for a long time, and once more when it answers again: no signal ends a
 * process that waits in the kernel, and nothing else would name the file. A slow disk, which answers now and then, is no such case.
 */
export class LongWaits {
  readonly #options: LongWaitsOptions;
  #last: Wait | null = null;
  #told: Wait | undefined;

  constructor(options: LongWaitsOptions) {
    this.#options = options;
  }

  /** Looks every second for as long as the process runs. */
  static watch(options: LongWaitsOptions): void {
    const waits = new LongWaits(options);
    setInterval(() => waits.look(), TICK).unref();
  }

  /** Looks what is waited for now. */
  look(): void {
    const { native, warn } = this.#options;
    const [last, told] = [this.#last, this.#told];
    const now = native.longestWait();
    this.#last = now;
    const quiet = now !== null && now.seconds >= QUIET;
    // Right after this process was stopped, every call looks old. One that is waited for is there at the next look, too.
    if (quiet && told === undefined && now.number === last?.number) {
      this.#told = now;
      warn(
        `waiting for ${now.path}: a call to ${callOf(now)} has not returned for ${Math.floor(now.seconds)} seconds; see if its disk or server answers (dmesg)`,
      );
    } else if (!quiet && told !== undefined) {
      this.#told = undefined;
      warn(
        `${told.path} answers again: the call to ${callOf(told)} took ${Math.floor(told.seconds)} seconds`,
      );
    } else if (quiet && now.number === told?.number) {
      this.#told = now;
    }
  }
}

function callOf({ action, offset }: Wait): string {
  return offset === undefined ? action : `${action} at offset ${offset}`;
}
