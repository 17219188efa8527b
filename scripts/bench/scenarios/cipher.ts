import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { addressOf, namespace } from "../../../__test__/support/hosts/hosts.ts";
import { timed } from "../contenders.ts";
import {
  farCpuSeconds,
  here,
  HOST,
  lackingHost,
  limitLink,
  there,
} from "../machine/shaped-host.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import type { Pipeline } from "../machine/usage.ts";

const GIBIBYTE = 2 ** 30;
const MEBIBYTE = 2 ** 20;

const CHACHA = "chacha20-poly1305@openssh.com";
const AES = "aes128-gcm@openssh.com";

/** The program that moves bytes over a direct connection and does nothing else. */
const TUNNEL_RATE = fileURLToPath(
  new URL("../../../target/release/examples/tunnel_rate", import.meta.url),
);

/** The options for a direct connection. */
const TLS = ["--transport", "tls"];

/** The cost of encryption. */
export const cipher: Scenario = {
  name: "cipher",
  title: "Ciphers",
  about: `CPU seconds of both ends for each GiB of random data with no block where it was, over ssh with its own first choice, ${CHACHA}, and with the one that \`sync\` prefers, ${AES}, and over a direct connection. \`ssh cat\` moves it into nothing.`,
  unit: "s",
  whyNot: lackingHost,
  contenders: (bench) => [
    cat(bench, CHACHA),
    cat(bench, AES),
    connection(bench),
    synced(bench, ["-e", `ssh -c ${CHACHA}`]),
    synced(bench),
    synced(bench, TLS),
  ],
  reference: () => [catWith(CHACHA)],
  setUp: ({ pair }) => {
    limitLink(true);
    pair.changeAll();
    pair.warm();
  },
};

/** The rate of one connection, and of two. */
export const transport: Scenario = {
  name: "transport",
  title: "Connections without a limit",
  about:
    "Random data with no block where it was, over a link as fast as the CPUs of both ends can make it. `ssh cat` moves it into nothing.",
  unit: "MB/s",
  whyNot: lackingHost,
  contenders: (bench) => [
    moving(cat(bench, CHACHA), bench),
    moving(cat(bench, AES), bench),
    moving(connection(bench), bench),
    moving(synced(bench, ["-e", `ssh -c ${CHACHA}`]), bench),
    moving(synced(bench), bench),
    moving(synced(bench, ["--streams", "2"]), bench),
    moving(synced(bench, TLS), bench),
    moving(synced(bench, [...TLS, "--streams", "2"]), bench),
  ],
  reference: () => ["blockcopy sync"],
  setUp: ({ pair }) => {
    limitLink(false);
    pair.changeAll();
    pair.warm();
  },
};

/** A contender whose figure is the rate of the whole copy. */
function moving(contender: Contender, { pair: { size } }: Bench): Contender {
  if ("missing" in contender) return contender;
  return {
    ...contender,
    run: () => {
      const begun = performance.now();
      const taken = contender.run();
      return { ...taken, value: size / 1e3 / (performance.now() - begun) };
    },
  };
}

function catWith(name: string): string {
  return `ssh cat, ${name}`;
}

function cat(bench: Bench, name: string): Contender {
  const pipeline: Pipeline = [["cat", bench.pair.source], there("cat > /dev/null", ["-c", name])];
  return costing(catWith(name), bench, pipeline);
}

/** A direct connection, and no copy around it. */
function connection(bench: Bench): Contender {
  const name = "direct connection alone";
  if (!existsSync(TUNNEL_RATE))
    return { name, missing: "cargo build --release -p blockcopy-tunnel --example tunnel_rate" };
  const listen = ["nsenter", `--net=/run/netns/${namespace(HOST)}`];
  const words = [String(bench.pair.size / MEBIBYTE), addressOf(HOST).far, ...listen];
  return costing(name, bench, [here([TUNNEL_RATE, ...words])]);
}

/** This program, which compresses nothing: only the cipher differs. */
function synced(bench: Bench, options: readonly string[] = []): Contender {
  const { tools, pair } = bench;
  const files = [pair.source, `${HOST}:${pair.destination}`];
  const words = ["sync", "-q", "--compress", "none", ...options, ...files];
  const shown = options.map((word) => (word.includes(" ") ? `'${word}'` : word));
  const name = ["blockcopy sync", ...shown].join(" ");
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
