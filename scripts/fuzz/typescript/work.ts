// Input and result of the thread that runs a campaign.

/** The work for the thread. */
export interface Work {
  target: string;
  seed: number;
  seconds: number;
  /** The kept inputs. */
  kept: readonly Uint8Array[];
  /** Length of the input that is being tried, in four bytes, and the input. */
  current: SharedArrayBuffer;
  /** The counters of the branches. */
  counters: Uint8Array;
}

/** The result of a campaign without a failure. */
export interface Outcome {
  runs: number;
  /** Branches that were reached, of how many, and how often each, in steps. */
  branches: number;
  of: number;
  features: number;
  seconds: number;
  /** The inputs to keep. */
  inputs: readonly Uint8Array[];
}
