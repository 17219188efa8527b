// A few of the moments that `npm run test:kills` tries.
import { test } from "node:test";
import { lackingHosts } from "../support/hosts/hosts.ts";
import { tryMoment } from "./campaign.ts";
import { PIPELINES } from "./pipelines.ts";
import { makePlace } from "./place.ts";

/** Numbers of moments with this seed in which a stage, or what connects to it, is killed after the first byte. */
const SEED = 1;
const MOMENTS = [
  ["by-hand", 9],
  ["local-streams", 10],
  ["push", 7],
] as const;

for (const [name, number] of MOMENTS)
  test(`a process of the pipeline ${name} is killed`, { skip: lackingHosts }, async (t) => {
    const pipeline = PIPELINES.find((known) => known.name === name);
    if (pipeline === undefined) throw new Error(`there is no pipeline ${name}`);
    await tryMoment({ t, pipeline, place: makePlace(t), seed: SEED }, number);
  });
