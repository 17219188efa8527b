/** The block of the wire protocol, in bytes: what every contender hashes, one digest for each. */
export const BLOCK_BYTES = 128 * 1024;

/** What one run of a contender did. */
export interface Work {
  readonly bytes: number;
  /** On the clock on the wall, the same for all contenders. */
  readonly seconds: number;
}
