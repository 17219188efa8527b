import { timed } from "../contenders.ts";
import { farCpuSeconds, here, HOST, lackingHost, there } from "../machine/shaped-host.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import type { Pipeline } from "../machine/usage.ts";

const GIBIBYTE = 2 ** 30;

const CHACHA = "chacha20-poly1305@openssh.com";
const AES = "aes128-gcm@openssh.com";

/** The cost of encryption. */
export const cipher: Scenario = {
  name: "cipher",
  title: "Ciphers of ssh",
  about: `CPU seconds of both ends for each GiB of random data with no block where it was, over ssh with its own first choice, ${CHACHA}, and with the one that \`sync\` prefers, ${AES}. \`ssh cat\` moves it into nothing.`,
  unit: "s",
  whyNot: lackingHost,
  contenders: (bench) => [
    cat(bench, CHACHA),
    cat(bench, AES),
    synced(bench, ["-e", `ssh -c ${CHACHA}`]),
    synced(bench),
  ],
  reference: () => [catWith(CHACHA)],
  setUp: ({ pair }) => {
    pair.changeAll();
    pair.warm();
  },
};

function catWith(name: string): string {
  return `ssh cat, ${name}`;
}

function cat(bench: Bench, name: string): Contender {
  const pipeline: Pipeline = [["cat", bench.pair.source], there("cat > /dev/null", ["-c", name])];
  return costing(catWith(name), bench, pipeline);
}

/** This program, which compresses nothing: only the cipher differs. */
function synced(bench: Bench, options: readonly string[] = []): Contender {
  const { tools, pair } = bench;
  const files = [pair.source, `${HOST}:${pair.destination}`];
  const words = ["sync", "-q", "--compress", "none", ...options, ...files];
  const name = options.length === 0 ? "blockcopy sync" : `blockcopy sync, ${CHACHA}`;
  const contender = costing(name, bench, [here([...tools.blockcopy.command, ...words])]);
  return options.length === 0 ? { ...contender, ours: true } : contender;
}

/** A contender whose figure is the CPU time of both ends for each GiB. */
function costing(name: string, { pair: { size } }: Bench, pipeline: Pipeline): Contender {
  const contender = timed(name, [pipeline]);
  if ("missing" in contender) return contender;
  return {
    ...contender,
    run: () => {
      const before = farCpuSeconds();
      const taken = contender.run();
      const cpuSeconds = (taken.cpuSeconds ?? 0) + farCpuSeconds() - before;
      return { ...taken, cpuSeconds, value: cpuSeconds / (size / GIBIBYTE) };
    },
  };
}
