import { Power } from "./disk/power.ts";
import { Random } from "./disk/random.ts";
import type { VolatileDisk } from "./disk/volatile-disk.ts";
import type { DiskPlan, Expected } from "./expectations/topic.ts";
import { judge, type Outcome } from "./judge.ts";
import type { Rig } from "./rig.ts";

export const POWER_CUTS = "power-cuts";
/** Each with the size of its disk: no smaller one can be made. */
const FILE_SYSTEMS: Readonly<Record<string, number>> = { ext4: 32, xfs: 320, btrfs: 128 };

/** The cut that is due after a copy, or no cut. */
type Next = "random" | "success" | "nothing";

interface Series {
  readonly system: string;
  readonly seed: number;
  readonly cuts: number;
}

/** Cuts the power of copies to a device and to a file; a third of the cuts comes right after their success. */
export async function runPowerCuts(
  rig: Rig,
  options: { readonly seed: number; readonly cuts: number },
  report: (outcome: Outcome) => void,
): Promise<void> {
  const systems = Object.keys(FILE_SYSTEMS);
  for (const [index, system] of systems.entries()) {
    const cuts = Math.floor((options.cuts + systems.length - 1 - index) / systems.length);
    if (cuts > 0) await runSeries(rig, { system, seed: options.seed, cuts }, report);
  }
}

/** Each guest checks the disks after a cut, repeats the copies, and loses its power in the next ones. */
async function runSeries(
  rig: Rig,
  { system, seed, cuts }: Series,
  report: (outcome: Outcome) => void,
): Promise<void> {
  const random = new Random(seed, `${POWER_CUTS}/${system}`);
  const power = new Power(random);
  let kept: ReadonlyMap<string, VolatileDisk> = new Map();
  let requests = 0;
  let finished = new Set(["nothing"]);
  let cut = "";
  for (let number = 0; number <= cuts; number += 1) {
    const guest = await rig.start({ disks: disksFor(system), power, kept });
    const { conversation, machine } = guest;
    const row = `cut ${number - 1} (${system})`;
    const expected = expectedAfter(finished);
    const previous = [...finished].join(",") || "none";
    const because = cut;
    finished = new Set();
    cut = "after their success";
    let outcome: Outcome | undefined;
    conversation.onReport = (seen) => {
      const judged = judge(POWER_CUTS, seen, expected);
      const { reason = "" } = judged;
      outcome = {
        ...judged,
        reason: `${because}; finished: ${previous}${reason && `; ${reason}`}`,
      };
    };
    conversation.onAsk = async ([verb, name = ""]) => {
      if (verb === "finished" && power.isOn) finished.add(name);
      else if (verb === "measure") power.arm(Infinity, () => {});
      else if (verb === "measured") requests = power.requests;
      else if (verb === "arm") {
        const at = 1 + random.below(requests);
        power.arm(at, () => {
          cut = `at request ${at} of about ${requests}`;
          conversation.gone();
        });
      } else if (verb === "cut") {
        power.cut();
        conversation.gone();
      }
    };
    try {
      machine.say(`${POWER_CUTS} ${system} ${number} ${previous} ${nextAfter(number, cuts)}`);
      await conversation.until("over");
    } catch (error) {
      const reason = `${String(error)}\nConsole:\n${guest.console()}`;
      report({ topic: POWER_CUTS, row, state: "failed", reason });
      return;
    } finally {
      await guest.end();
    }
    if (outcome !== undefined) report(outcome);
    kept = guest.volatile;
    let lost = 0;
    for (const disk of kept.values()) lost += disk.losePower(random);
    cut += `, ${lost} sectors lost`;
    power.restore();
  }
}

function disksFor(system: string): Readonly<Record<string, DiskPlan>> {
  return {
    source: { mebibytes: 6, volatile: true },
    device: { mebibytes: 6, volatile: true },
    files: { mebibytes: FILE_SYSTEMS[system] ?? 0, volatile: true },
  };
}

function nextAfter(number: number, cuts: number): Next {
  if (number === cuts) return "nothing";
  return number % 3 === 0 ? "success" : "random";
}

/** A copy that had succeeded is on the disk; every copy can be repeated. */
function expectedAfter(finished: ReadonlySet<string>): Expected {
  return {
    mounted: "yes",
    ...(finished.has("device") && { device: "equal" }),
    ...(finished.has("file") && { file: "equal" }),
    "device again": "0-equal",
    "file again": "0-equal",
  };
}
