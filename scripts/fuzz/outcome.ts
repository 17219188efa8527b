// Results of campaigns, and the files that they leave.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inputsText, keptFile } from "../../__test__/hostile/kept.ts";

/** Options of a campaign. */
export interface FuzzOptions {
  /** Decides all that is random. */
  seed: number;
  /** Time for each target. */
  seconds: number;
  /** Replace the kept inputs by those that this campaign has found. */
  keepInputs: boolean;
}

/** A campaign that has found nothing. */
export interface CampaignResult {
  target: string;
  runs: number;
  seconds: number;
  /** Coverage, in words that follow the numbers. */
  found: string;
}

/** A campaign that has found something. */
export interface CampaignFailure {
  target: string;
  what: string;
  /** The options that repeat it. */
  repeat: string;
}

/** Replaces the kept inputs of a target. */
export function keep(target: string, inputs: readonly Uint8Array[]): void {
  const file = keptFile(target);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, inputsText(inputs));
}

/** Saves an input that breaks a promise. Returns the options that repeat it. */
export function saveFailure(target: string, input: Uint8Array): string {
  const name = createHash("sha1").update(input).digest("hex").slice(0, 16);
  const file = join("fuzz/artifacts", target, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, input);
  return `--input ${file}`;
}
