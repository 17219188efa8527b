// Runs attacks on the built program, one after the other, each with a seed of its own.
import { ATTACKS, carryOut } from "../../__test__/hostile/attacks/all.ts";
import type { CampaignFailure, CampaignResult, FuzzOptions } from "./outcome.ts";

/** Names of the attacks. */
export const NAMES: readonly string[] = Object.keys(ATTACKS);

/** Carries out attacks of one kind until the time is over, at least one. */
export async function run(
  target: string,
  { seed, seconds }: FuzzOptions,
): Promise<CampaignResult | CampaignFailure> {
  const begun = Date.now();
  for (let runs = 0; ; runs += 1) {
    const taken = (Date.now() - begun) / 1000;
    if (runs > 0 && taken >= seconds) return { target, runs, seconds: taken, found: "" };
    try {
      await carryOut(target, seed + runs);
    } catch (error) {
      const what = (error as Error).stack ?? String(error);
      return { target, what, repeat: `--seed ${seed + runs} --seconds 0` };
    }
  }
}
