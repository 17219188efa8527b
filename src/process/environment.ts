/** Instruction sets that `BLOCKCOPY_SIMD` may name, on whatever CPU. */
const SIMD = ["portable", "neon", "avx2", "avx512"] as const;

/**
 * Whether the environment asks for what blockcopy 0.0.2 would send, byte for byte.
 *
 * @throws UsageError when it names any other wire
 */
export function wantsExactWire(): boolean {
  const wire = process.env["BLOCKCOPY_WIRE"] ?? "";
  if (wire !== "" && wire !== "0.0.2") {
    throw new UsageError(
      `BLOCKCOPY_WIRE is \`${wire}\`, which is not a wire that blockcopy knows`,
      "set it to 0.0.2 or unset it",
    );
  }
  return wire === "0.0.2";
}

/**
 * The instruction set that SHA3-512 is to use, where the environment names one, instead of the best.
 *
 * @throws UsageError when it names none that blockcopy knows; whether this CPU has it, the engine says
 */
export function forcedSimd(): (typeof SIMD)[number] | undefined {
  const name = process.env["BLOCKCOPY_SIMD"] ?? "";
  const simd = SIMD.find((known) => known === name);
  if (name !== "" && simd === undefined) {
    throw new UsageError(
      `BLOCKCOPY_SIMD is \`${name}\`, which is not an instruction set that blockcopy knows`,
      `set it to ${SIMD.slice(0, -1).join(", ")} or ${SIMD.at(-1)}, or unset it`,
    );
  }
  return simd;
}
import { UsageError } from "../errors/copy-error.ts";
