/** The block of the wire protocol, in bytes: what every contender hashes, one digest for each. */
export const BLOCK_BYTES = 128 * 1024;

/** The result of one run of a contender. */
export interface Work {
  readonly bytes: number;
  /** On the clock on the wall, the same for all contenders. */
  readonly seconds: number;
}

/** The work; an error if `output` does not have it. */
export function valid(work: Work, output: string): Work {
  if (work.bytes > 0 && work.seconds > 0) return work;
  throw new Error(`no bytes and seconds in: ${output.trim()}`);
}
