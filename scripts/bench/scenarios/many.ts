import { ours } from "../contenders.ts";
import type { Pair } from "../data/pair.ts";
import { bytesReadOf } from "../machine/reads.ts";
import { here, hereWith, HOST, lackingHost, limitLink } from "../machine/shaped-host.ts";
import { TimedSsh } from "../machine/ssh-time.ts";
import { measure } from "../machine/usage.ts";
import type { Row } from "../report/row.ts";
import { sample, type Bench, type Contender, type Sample, type Scenario } from "../scenario.ts";
import type { Command } from "../../common/processes.ts";

const ONE = "one destination";
/** Heads of columns. */
const [WITHOUT_SSH, READ] = ["CPU s without ssh", "read"] as const;

/** The usual night. */
export const manyChanged = toMany("changed", "1 % changed", (pair) => pair.changeSome());

/** The first night. */
export const manyDifferent = toMany("different", "all different", (pair) => pair.changeAll());

/** One source to one destination, and to four. */
function toMany(name: string, kind: string, change: (pair: Pair) => void): Scenario {
  return {
    name: `many-${name}`,
    title: `Several destinations, ${kind}`,
    about: `\`sync --compress none\` from a file of random data in the page cache to files on another host, ${kind}, over ssh without a limit, between two network namespaces. CPU seconds are those of the source alone, of \`sync\` and all that it starts; "${READ}" is what strace(1) counts in a run of its own, for each byte of the source.`,
    unit: "s",
    files: 5,
    whyNot: lackingHost,
    contenders: (bench) => {
      const { pair } = bench;
      const all = [pair, ...["second", "third", "fourth"].map((other) => pair.with(other))];
      return [
        ours(copied(ONE, bench, { pairs: [pair], change })),
        ours(copied("four destinations", bench, { pairs: all, change })),
      ];
    },
    reference: () => [ONE],
    derive: comparedWithOne,
    setUp: () => limitLink(false),
  };
}

/** Several pairs with the same source, and the way in which their destinations are made to differ from it. */
interface Destinations {
  readonly pairs: readonly Pair[];
  readonly change: (pair: Pair) => void;
}

/** Copies to several destinations. The first run is made once more, to count what is read. */
function copied(
  name: string,
  { tools, folder, pair: { source, size } }: Bench,
  { pairs, change }: Destinations,
): Contender {
  const destinations = pairs.map(({ destination }) => `${HOST}:${destination}`);
  const options = ["sync", "-q", "--compress", "none"];
  const words: Command = [...tools.blockcopy.command, ...options, source, ...destinations];
  const prepare = (): void =>
    pairs.forEach((pair) => {
      change(pair);
      pair.warm();
    });
  let read: number | undefined;
  return {
    name,
    run: (): Sample => {
      const ssh = new TimedSsh(folder);
      if (read === undefined) {
        prepare();
        const command = (strace: Command): Command => here([...strace, ...words]);
        read = bytesReadOf({ command, file: source, folder }) ?? Number.NaN;
      }
      prepare();
      ssh.reset();
      const usage = measure([[hereWith(ssh.folder, words)]]);
      pairs.forEach((pair) => pair.check());
      const taken = sample(usage, usage.seconds);
      const withoutSsh = (taken.cpuSeconds ?? 0) - ssh.seconds;
      return { ...taken, more: { [WITHOUT_SSH]: withoutSsh, [READ]: read / size } };
    },
  };
}

/** The cost of all rows compared with that of a single destination. */
function comparedWithOne(rows: readonly Row[]): string[][] {
  const costs = rows.map(({ name, figure, cpuSeconds, more }) => ({
    name,
    costs: [figure, cpuSeconds, more[WITHOUT_SSH], more[READ]].map((cost) => cost?.median),
  }));
  const one = costs.find(({ name }) => name === ONE)?.costs ?? [];
  const ratio = (cost: number | undefined, at: number): string =>
    cost === undefined ? "–" : (cost / (one[at] ?? Number.NaN)).toFixed(2);
  return [
    [`${ONE} = 1`, "s", "CPU s", WITHOUT_SSH, READ],
    ...costs.map(({ name, costs: each }) => [name, ...each.map(ratio)]),
  ];
}
