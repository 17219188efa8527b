import { UsageError } from "../errors/copy-error.ts";

/** Values of `BLOCKCOPY_SIMD`, for all CPUs. */
const SIMD = ["portable", "neon", "avx2", "avx512"] as const;

/**
 * True if the environment asks for the legacy protocol, byte for byte (`BLOCKCOPY_WIRE=0.0.2`).
 *
 * @throws UsageError for any other value
 */
export function wantsLegacy(): boolean {
  const wire = process.env["BLOCKCOPY_WIRE"] ?? "";
  if (wire !== "" && wire !== "0.0.2") {
    throw new UsageError(
      `unknown wire version \`${wire}\` in BLOCKCOPY_WIRE; expected 0.0.2`,
      "set it to 0.0.2 or unset it",
    );
  }
  return wire === "0.0.2";
}

/**
 * Returns the instruction set for SHA3-512 that the environment asks for; undefined for the best one. The engine checks if the CPU has it.
 *
 * @throws UsageError for an unknown name
 */
export function forcedSimd(): (typeof SIMD)[number] | undefined {
  const name = process.env["BLOCKCOPY_SIMD"] ?? "";
  const simd = SIMD.find((known) => known === name);
  if (name !== "" && simd === undefined) {
    throw new UsageError(
      `unknown instruction set \`${name}\` in BLOCKCOPY_SIMD`,
      `set it to ${SIMD.slice(0, -1).join(", ")} or ${SIMD.at(-1)}, or unset it`,
    );
  }
  return simd;
}
