import { ours, timed } from "../contenders.ts";
import { DISTANT, farAway, HOST, lackingHost } from "../machine/shaped-host.ts";
import type { Command } from "../../common/processes.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";

/** Milliseconds that a packet takes each way: as far as from one continent to another. */
const DELAY = 50;

const SSH = `ssh -o HostName=${DISTANT}`;

/** A host far away. */
export const distance: Scenario = {
  name: "distance",
  title: "A host that is far away",
  about: `Random data with no block where it was, over a link of 1 Gbit/s (125 MB/s, headers and all) on which a packet takes ${DELAY} ms each way, between two network namespaces. \`ssh cat\` moves it into nothing.`,
  unit: "MB/s",
  whyNot: lackingHost,
  contenders: (bench) => [
    over(bench, "ssh cat", ["sh", "-c", `${SSH} ${HOST} 'cat > /dev/null' < ${bench.pair.source}`]),
    synced(bench, []),
    synced(bench, ["--streams", "4"]),
    synced(bench, ["--transport", "tls"]),
  ],
  reference: () => ["ssh cat"],
  setUp: ({ pair }) => {
    pair.changeAll();
    pair.warm();
  },
};

function synced(bench: Bench, options: readonly string[]): Contender {
  const { tools, pair } = bench;
  const files = [pair.source, `${HOST}:${pair.destination}`];
  const words = ["sync", "-q", "--compress", "none", "-e", SSH, ...options, ...files];
  const name = ["blockcopy sync", ...options].join(" ");
  const contender = over(bench, name, [...tools.blockcopy.command, ...words]);
  return options.length === 0 ? ours(contender) : contender;
}

function over({ pair: { size } }: Bench, name: string, command: Command): Contender {
  return timed(name, [[farAway(DELAY, command)]], ({ seconds }) => size / seconds / 1e6);
}
