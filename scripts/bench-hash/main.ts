// Compares SHA3-512 of 128 KiB blocks, on one core: the kernels of crates/keccak that this CPU has, the sha3 crate, Node's
// crypto and OpenSSL. Prints one table, or the same as JSON.
//
//   npm run bench:hash [-- --json]          on another core: taskset -c 3 npm run bench:hash
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { NODE_CRYPTO, OPENSSL, opensslVersion, rustContenders } from "./contenders.ts";
import { whyNoCycles } from "./cycles.ts";
import { coreToPinTo, measureRounds, type Plan } from "./measure.ts";
import { run } from "../common/processes.ts";
import { row, table, type Row } from "./report.ts";
import { BLOCK_BYTES } from "../common/work.ts";

try {
  const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
  const { rows, ...about } = compare();
  if (values.json) console.log(JSON.stringify({ ...about, rows }, null, 2));
  else console.log(`${header(about)}\n\n${table(rows)}${footer(about)}`);
} catch (error) {
  console.error(`ERROR (bench:hash): ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

/** Facts that the figures depend on. */
interface About {
  readonly cpu: string;
  /** The core that all were pinned to; `null` where nothing was. */
  readonly core: number | null;
  readonly date: string;
  /** Each with the name of the program; the first is `null` where it is not installed. */
  readonly versions: {
    readonly openssl: string | null;
    readonly node: string;
    readonly rustc: string;
    readonly sha3: string;
  };
  readonly blockBytes: number;
  readonly rounds: number;
  readonly secondsPerRound: number;
  /** The reason that there are no cycles per byte; `null` if there are. */
  readonly noCycles: string | null;
}

function compare(): About & { readonly rows: Row[] } {
  const openssl = opensslVersion();
  console.error("Building crates/keccak");
  const ours = rustContenders();
  const contenders = [...ours, NODE_CRYPTO, ...(openssl === undefined ? [] : [OPENSSL])];
  const noCycles = whyNoCycles();
  const core = coreToPinTo();
  const plan: Plan = { rounds: 5, seconds: 1, core, countCycles: noCycles === undefined };
  const about: About = {
    cpu: cpus()[0]?.model ?? "unknown CPU",
    core: core ?? null,
    date: new Date().toISOString(),
    versions: {
      openssl: openssl ?? null,
      node: `Node ${process.version} with OpenSSL ${process.versions.openssl}`,
      rustc: run(["rustc", "--version"]).stdout.trim(),
      sha3: run(["cargo", "pkgid", "sha3"]).stdout.trim().replace(/^.*#/, "").replace("@", " "),
    },
    blockBytes: BLOCK_BYTES,
    rounds: plan.rounds,
    secondsPerRound: plan.seconds,
    noCycles: noCycles ?? null,
  };

  console.error(`Measuring: ${plan.rounds} rounds of ${contenders.length} s and a little more`);
  const samples = measureRounds(contenders, plan);
  const reference = samples.get(OPENSSL);
  const rows = [...samples].map(([contender, taken]) => row(contender.name, taken, reference));
  if (reference === undefined) rows.push(row(OPENSSL.name, [], reference));
  return { ...about, rows };
}

function header({ cpu, core, date, versions, blockBytes, rounds, secondsPerRound }: About): string {
  const where = core === null ? "on any core, as taskset is not installed" : `on core ${core}`;
  const kibibytes = blockBytes / 1024;
  return [
    `SHA3-512 of blocks of ${kibibytes} KiB ${where}: medians of ${rounds} rounds of ${secondsPerRound} s each`,
    "",
    `${cpu}, ${date}`,
    Object.values(versions)
      .filter((version) => version !== null)
      .join("\n"),
  ].join("\n");
}

function footer({ noCycles }: About): string {
  return noCycles === null ? "" : `\n\nNo cycles a byte: ${noCycles}.`;
}
