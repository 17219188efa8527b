// npm run test:soak [-- --minutes 10 --seed N --round R]
//
// Makes random changes and copies for a while, compares the destination after each, and watches processes that live long.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect, parseArgs } from "node:util";
import { wholeNumber } from "../../scripts/common/whole-number.ts";
import { hosts, lackingHosts } from "../support/hosts/hosts.ts";
import { lackingLoop } from "../support/files/loop.ts";
import { type Watched, watchLibrary } from "./long-lived/library.ts";
import { watchSlowCopy } from "./long-lived/slow-copy.ts";
import { Random } from "./random.ts";
import { runRound, type Soak } from "./rounds.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    round: { type: "string" },
  },
});
const minutes = wholeNumber("--minutes", values.minutes, 1);
const seed = wholeNumber("--seed", values.seed);
const onlyRound = values.round === undefined ? undefined : wholeNumber("--round", values.round, 1);

const folder = mkdtempSync(join(tmpdir(), "blockcopy-soak-"));
// All temporary files of all hosts go here, so that what is left can be seen.
process.env["TMPDIR"] = join(folder, "tmp");
mkdirSync(join(folder, "tmp"));
for (const [what, reason] of [
  ["copies between hosts", lackingHosts],
  ["loop devices", lackingLoop],
] as const)
  if (reason !== false) console.log(`SKIPPED (${what}): ${reason}`);
if (lackingHosts === false) hosts();
const soak: Soak = { seed, folder, hasHosts: lackingHosts === false, counts: new Map() };

try {
  console.log(`seed ${seed}`);
  if (onlyRound === undefined) await forMinutes();
  else await runRound(soak, onlyRound);
} catch (error) {
  console.error(inspect(error));
  const round = /^round (\d+)/.exec((error as Error).message)?.[1];
  console.error(
    `FAILED. Repeat it with: npm run test:soak -- --seed ${seed}${round ? ` --round ${round}` : ""}`,
  );
  console.error(`The files are in ${folder}`);
  process.exit(1);
}
rmSync(folder, { recursive: true });
process.exit(0);

async function forMinutes(): Promise<void> {
  const deadline = Date.now() + minutes * 60_000;
  const watched = [
    watchLibrary(folder, seed),
    watchSlowCopy(folder, new Random(`${seed}/slow`), minutes * 60),
  ];
  const failure = failureOf(watched);
  let told = Date.now();
  for (let round = 1; Date.now() < deadline; round += 1) {
    const running = runRound(soak, round);
    await Promise.race([running, failure]).catch(async (error: unknown) => {
      // It takes away its devices at its end.
      await Promise.allSettled([running]);
      throw error;
    });
    if (Date.now() - told < 60_000) continue;
    told = Date.now();
    console.log(`round ${round}: ${soak.counts.get("copies")} copies`);
  }
  for (const { end } of watched) end();
  for (const { ended } of watched) console.log(await ended);
  for (const [what, number] of [...soak.counts].toSorted(([a], [b]) => a.localeCompare(b)))
    console.log(`${String(number).padStart(6)} ${what}`);
}

/** Rejects as soon as one of them fails. */
function failureOf(watched: readonly Watched[]): Promise<never> {
  return new Promise((_, reject) => {
    for (const { ended } of watched) ended.catch(reject);
  });
}
