import { ours, PEER, threeStages, timed } from "../contenders.ts";
import type { Contender, Scenario } from "../scenario.ts";
import type { Tool } from "../machine/tools.ts";

const STAGES = ["checksum", "retrieve", "save"] as const;

/** The most memory that each stage has resident at once. */
export const memory: Scenario = {
  name: "memory",
  title: "Memory of the stages",
  about:
    "The most that each stage has resident at once (`ru_maxrss` of wait4(2)), in the pipe with 1 % changed, page cache warm. Some 45 MB of it is Node.",
  unit: "MB",
  contenders: (bench) => {
    const { blockcopy, peer } = bench.tools;
    const by = (name: string, tool: Tool): Contender[] =>
      STAGES.map((stage, index) =>
        timed(`${name} ${stage}`, threeStages(bench, [tool, tool, tool]), ({ processes }) =>
          megabytes(processes[index]?.peakBytes),
        ),
      );
    return [
      ...by("blockcopy", blockcopy).map(ours),
      ...(peer === undefined ? [{ name: PEER, missing: "no --peer given" }] : by(PEER, peer)),
    ];
  },
  reference: () => [],
  setUp: ({ pair }) => {
    pair.changeSome();
    pair.warm();
  },
  check: ({ pair }) => pair.check(),
};

function megabytes(bytes = Number.NaN): number {
  return bytes / 1e6;
}
