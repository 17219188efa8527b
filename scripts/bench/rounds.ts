import { stopIfInterrupted } from "./interruption.ts";
import type { Bench, Contender, Sample, Scenario } from "./scenario.ts";

/** A scenario with those who take part in it on this machine. */
export interface LineUp {
  readonly scenario: Scenario;
  readonly rounds: number;
  /** The reason that nothing of it is measured; `undefined` if it is. */
  readonly skipped: string | undefined;
  readonly contenders: readonly Contender[];
  readonly reference: readonly string[];
}

/** Sees who can take part. `rounds` are those that were asked for. */
export function lineUp(scenario: Scenario, bench: Bench, rounds: number): LineUp {
  const skipped = scenario.whyNot?.(bench);
  return {
    scenario,
    rounds: rounds * (scenario.roundsEach ?? 1),
    skipped,
    contenders: skipped === undefined ? scenario.contenders(bench) : [],
    reference: skipped === undefined ? scenario.reference(bench) : [],
  };
}

/**
 * Runs each contender once in each round, and returns the samples of each in the order of the rounds. The rounds go
 * A B C, A B C, …, so that what else the machine does meets all contenders alike.
 * @throws Error when a contender fails or its result is wrong
 */
export async function measureRounds(
  { scenario, rounds, contenders }: LineUp,
  bench: Bench,
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>();
  for (let round = 1; round <= rounds; round++) {
    for (const contender of contenders) {
      if ("missing" in contender) continue;
      await stopIfInterrupted();
      scenario.setUp?.(bench);
      const sample = contender.run();
      try {
        scenario.check?.(bench);
      } catch (error) {
        throw new Error(`the result of ${contender.name} is wrong`, { cause: error });
      }
      samples.set(contender.name, [...(samples.get(contender.name) ?? []), sample]);
      const figure = `${sample.value.toFixed(3)} ${scenario.unit}`;
      console.error(`${scenario.name} ${round}/${rounds}: ${contender.name} ${figure}`);
    }
  }
  return samples;
}
