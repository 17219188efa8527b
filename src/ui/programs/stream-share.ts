/** A process, by its number and its start time, which goes into commands. */
export const PROCESS = /^[1-9]\d{0,9}\/\d{1,20}$/;

/** The name of a queue of parts, which goes into commands. The descriptors of the claim that its process has may follow. */
export const QUEUE = /^[1-9]\d{0,9}\/\d{1,9}\/[0-9a-f-]{36}(?<claim>\/\d{1,9}(?:,\d{1,9}){0,2})?$/;

/** True if the process of a queue keeps the destination claimed: the first stream of the copy can then be taken over from it. */
export function hasClaim(queue: string): boolean {
  return QUEUE.exec(queue)?.groups?.["claim"] !== undefined;
}
