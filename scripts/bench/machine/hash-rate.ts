import { availableParallelism } from "node:os";
import { buildHashRate } from "../../common/hash-rate.ts";
import { valid, type Work } from "../../common/work.ts";
import { sample, type Sample } from "../scenario.ts";
import { measure } from "./usage.ts";

const SECONDS = 2;

/** Builds crates/keccak and returns what measures the MB/s of its best kernel, in a process for each core at once. */
export function hashRate(): () => Sample {
  const { kernels, hashing } = buildHashRate();
  const [best] = kernels;
  if (best === undefined) throw new Error("hash_rate names no kernel");
  const cores = availableParallelism();
  const atOnce = `i=0; while [ $i -lt ${cores} ]; do "$@" & i=$((i + 1)); done; wait`;
  return () => {
    const usage = measure([[["sh", "-c", atOnce, "sh", ...hashing(best.name, SECONDS)]]], "keep");
    const lines = usage.stdout.trim().split("\n");
    if (lines.length !== cores)
      throw new Error(`${lines.length} of ${cores} hashing processes told their rate`);
    const rates = lines
      .map((line) => valid(JSON.parse(line) as Work, line))
      .map(({ bytes, seconds }) => bytes / seconds);
    const rate = rates.reduce((sum, one) => sum + one) / 1e6;
    // It hashes for a time, not a number of bytes.
    return { ...sample(usage, rate), cpuSeconds: null };
  };
}
