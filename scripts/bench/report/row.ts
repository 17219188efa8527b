import type { Spread } from "../../common/spread.ts";

/** The figures of a contender; `null` where there is no such figure. */
export interface Row {
  readonly name: string;
  /** True for this program. */
  readonly ours: boolean;
  /** The reason that it was not measured; `null` if it was. */
  readonly missing: string | null;
  /** In the unit of the scenario. */
  readonly figure: Spread | null;
  /** Speed compared with the reference in the same round. */
  readonly speed: Spread | null;
  /** User and system, of all processes. */
  readonly cpuSeconds: Spread | null;
  /** Of the process that had most memory, in the round in which that was most. */
  readonly peakBytes: number | null;
  /** Figures that only its scenario has, each under the head of its column. */
  readonly more: Readonly<Record<string, Spread>>;
}
