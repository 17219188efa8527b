import { ours, threeStages, timed } from "../contenders.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";

/** The two programs that a stage can be, by their names in the tables. */
const OURS = "ours";
const THEIRS = "0.0.2";
const BOTH = [OURS, THEIRS] as const;

/** Any stage of either program works with any stage of the other. */
export const mixes: Scenario = {
  name: "mixes",
  title: "All mixes with blockcopy.py 0.0.2",
  about:
    "As three stages with 1 % changed: `checksum`, `retrieve` and `save`, each by either program.",
  unit: "s",
  whyNot: ({ tools }) => (tools.peer === undefined ? "no --peer given" : undefined),
  contenders: (bench) =>
    BOTH.flatMap((checksum) =>
      BOTH.flatMap((retrieve) => BOTH.flatMap((save) => mix(bench, checksum, retrieve, save))),
    ),
  reference: () => [nameOf(THEIRS, THEIRS, THEIRS)],
  setUp: ({ pair }) => {
    pair.changeSome();
    pair.warm();
  },
  check: ({ pair }) => pair.check(),
};

type Which = (typeof BOTH)[number];
type Mix = readonly [checksum: Which, retrieve: Which, save: Which];

function nameOf(...mixed: Mix): string {
  return mixed.join(" | ");
}

function mix(bench: Bench, ...mixed: Mix): Contender[] {
  const { blockcopy, peer } = bench.tools;
  if (peer === undefined) return [];
  const tool = (which: Which) => (which === OURS ? blockcopy : peer);
  const [checksum, retrieve, save] = mixed;
  const contender = timed(
    nameOf(...mixed),
    threeStages(bench, [tool(checksum), tool(retrieve), tool(save)]),
  );
  return [mixed.every((which) => which === OURS) ? ours(contender) : contender];
}
