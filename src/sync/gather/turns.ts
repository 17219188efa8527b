/** Does one piece of work after another, in the order in which they were added. A failure does not keep the next one from its turn. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does some work when all work before it has ended. Returns its result. */
  run<T>(work: () => Promise<T> | T): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
