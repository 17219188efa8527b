/**
 * True if a promise settles within a time. A timer of `timers/promises` that is aborted would make an error each time, with its stack.
 *
 * @param promise awaited elsewhere too, where its error is reported
 */
export function settlesWithin(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), milliseconds);
    const settled = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    promise.then(settled, settled);
  });
}
