// Runs the campaigns for the decoders in Rust, by cargo-fuzz and libFuzzer.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { keptFile, readInputs } from "../../__test__/hostile/kept.ts";
import { type CampaignFailure, type CampaignResult, type FuzzOptions, keep } from "./outcome.ts";

/** Names of the targets: the checks of crates/hostile. */
export const NAMES: readonly string[] = [
  "decode_lz4",
  "decode_xz",
  "decode_zstd",
  "encode",
  "frames",
  "nbd",
  "slab",
  "storage",
];

const FOLDER = resolve("target/fuzz");
const TARGET = "x86_64-unknown-linux-gnu";
const PROGRAM = join(FOLDER, TARGET, "release/hostile");

/**
 * The libraries in C are instrumented too, and do not look at checksums, which no random change would get right. For that,
 * clang must be there.
 */
const CLANG = {
  [`CC_${TARGET.replaceAll("-", "_")}`]: "clang",
  [`CFLAGS_${TARGET.replaceAll("-", "_")}`]:
    "-fsanitize=address,fuzzer-no-link -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -g",
};

/** Builds the target. */
export function build(): void {
  const hasClang = spawnSync("clang", ["--version"]).status === 0;
  if (!hasClang) console.log("clang is missing: the libraries in C are not instrumented");
  const args = ["+nightly", "fuzz", "build", "hostile", "--target-dir", FOLDER];
  execFileSync("cargo", args, {
    stdio: "inherit",
    env: { ...process.env, ...(hasClang && CLANG) },
  });
}

/** Tries one decoder. */
export function run(
  target: string,
  { seed, seconds, keepInputs }: FuzzOptions,
): CampaignResult | CampaignFailure {
  const corpus = join(FOLDER, "corpus", target);
  const artifacts = join("fuzz/artifacts", target);
  for (const folder of [corpus, artifacts]) mkdirSync(folder, { recursive: true });
  for (const [index, input] of readInputs(keptFile(target)).entries())
    writeFileSync(join(corpus, `kept-${index}`), input);
  // No decoder allocates more than that at once. Compressing as blockcopy 0.0.2 does takes 94 MiB.
  const most = target === "encode" ? 256 : 64;
  const limits = [
    "-timeout=20",
    `-malloc_limit_mb=${most}`,
    "-rss_limit_mb=1024",
    "-max_len=16384",
  ];
  const begun = Date.now();
  const { status, log } = start(target, [
    corpus,
    `-seed=${seed % 2 ** 31}`,
    // 0 is no limit.
    `-max_total_time=${Math.max(seconds, 1)}`,
    `-artifact_prefix=${artifacts}/`,
    "-print_final_stats=1",
    ...limits,
  ]);
  if (status !== 0) {
    const file = /Test unit written to (\S+)/.exec(log)?.[1];
    // Killed from outside, it leaves no input.
    const again = file === undefined ? `--seed ${seed} --seconds ${seconds}` : `--input ${file}`;
    return { target, what: log.split("\n").slice(-60).join("\n"), repeat: again };
  }
  const taken = (Date.now() - begun) / 1000;
  const runs = Number(/stat::number_of_executed_units:\s+(\d+)/.exec(log)?.[1]);
  const [edges, features] = [...log.matchAll(/cov: (\d+) ft: (\d+)/g)].at(-1)?.slice(1) ?? [];
  const inputs = minimised(target, corpus);
  if (keepInputs) keep(target, inputs);
  const found = `, ${edges} edges, ${features} features, ${inputs.length} inputs`;
  return { target, runs, seconds: taken, found };
}

/** Returns the fewest inputs that reach all that the corpus reaches. */
function minimised(target: string, corpus: string): Uint8Array[] {
  const folder = join(FOLDER, "minimised");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const { status, log } = start(target, ["-merge=1", folder, corpus]);
  if (status !== 0) throw new Error(`the corpus of ${target} cannot be minimised: ${log}`);
  return readdirSync(folder).map((name) => readFileSync(join(folder, name)));
}

/** Runs one input. */
export function repeat(target: string, file: string): void {
  build();
  const { status, log } = start(target, [file]);
  console.error(log);
  process.exitCode = status === 0 ? 0 : 1;
}

function start(target: string, args: readonly string[]): { status: number | null; log: string } {
  const env = { ...process.env, BLOCKCOPY_FUZZ_TARGET: target };
  const { status, stderr } = spawnSync(PROGRAM, args, {
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  return { status, log: stderr };
}
