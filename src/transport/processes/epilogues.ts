import type { EpilogueEnd } from "./pipes.ts";

/** The programs of a pipeline, as far as its epilogues depend on them. */
interface Awaited {
  /** Resolves when a program has failed or none is running. */
  noMoreStarts: Promise<void>;
  /** True if a program has failed. */
  hasFailed: () => boolean;
  /** Waits for the end of a program that `reader` waits for. Returns true if it has succeeded. */
  succeeds: (place: number, reader: number) => Promise<boolean>;
}

/** An epilogue that waits for other programs. */
interface WaitingEpilogue extends Pick<EpilogueEnd, "to"> {
  /** Resolves when it has been written, or is not wanted any more. */
  finished: Promise<void>;
  /** Ends the wait: its reader is replaced. */
  drop: () => void;
}

/** The epilogues of the pipes of a pipeline. Each waits until some programs have succeeded. */
export class Epilogues {
  readonly #programs: Awaited;
  readonly #waiting = new Set<WaitingEpilogue>();

  constructor(programs: Awaited) {
    this.#programs = programs;
  }

  /** Begins to wait for what the epilogues of new pipes wait for. */
  begin(ends: readonly EpilogueEnd[]): void {
    for (const epilogue of ends) {
      let drop!: () => void;
      const dropped = new Promise<boolean>((resolve) => (drop = () => resolve(false)));
      const finished = this.#write(epilogue, dropped);
      this.#waiting.add({ to: epilogue.to, finished, drop });
    }
  }

  /** Closes the pipes of epilogues whose readers are replaced. */
  async drop(readers: readonly number[]): Promise<void> {
    for (const epilogue of this.#waiting) {
      if (readers.includes(epilogue.to)) {
        this.#waiting.delete(epilogue);
        epilogue.drop();
        await epilogue.finished;
      }
    }
  }

  /** Resolves when those that are known now have been written, or are not wanted any more. */
  async finished(): Promise<void> {
    await Promise.all(Array.from(this.#waiting, ({ finished }) => finished));
  }

  /** Writes the text after the output of a program if all programs that it waits for succeed; else only closes the pipe. */
  async #write({ to, after, finish }: EpilogueEnd, dropped: Promise<boolean>): Promise<void> {
    const { noMoreStarts, hasFailed, succeeds } = this.#programs;
    const successes = after.map((other) => succeeds(other, to));
    // The reader must not wait for the rest once one program has failed.
    const stopped = noMoreStarts.then(() => !hasFailed() && allTrue(successes));
    const success = await Promise.race([allTrue(successes), stopped, dropped]);
    await finish(success);
  }
}

/** Resolves to true when all promises have resolved to true, or to false as soon as one has not. */
function allTrue(promises: readonly Promise<boolean>[]): Promise<boolean> {
  const each = promises.map(async (promise) => {
    if (!(await promise)) {
      throw new Error("it has failed");
    }
  });
  return Promise.all(each).then(
    () => true,
    () => false,
  );
}
