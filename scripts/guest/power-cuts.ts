import { Power } from "./disk/power.ts";
import { Random } from "./disk/random.ts";
import type { VolatileDisk } from "./disk/volatile-disk.ts";
import type { DiskPlan, Expected } from "./expectations/topic.ts";
import { judge, type Outcome } from "./judge.ts";
import type { Guest, Rig } from "./rig.ts";

export const POWER_CUTS = "power-cuts";

/** Each with the size of its disk in MiB: about the smallest that mkfs accepts. */
const FILE_SYSTEMS: Readonly<Record<string, number>> = { ext4: 32, xfs: 320, btrfs: 128 };

/** The state of the disks after a cut, as the next guest finds them. */
interface Aftermath {
  readonly disks: ReadonlyMap<string, VolatileDisk>;
  /** The copy when the power was cut. */
  readonly copy: "nothing" | "finished" | "unfinished";
  /** The moment of the cut, and the number of sectors that it has cost. */
  readonly cut: string;
  /** Writes and flushes of a whole copy to the device. */
  readonly requests: number;
}

interface Options {
  readonly seed: number;
  readonly cuts: number;
  readonly report: (outcome: Outcome) => void;
}

/** Cuts the power of copies to a device and to a file; a third of the cuts comes right after their success. */
export async function runPowerCuts(rig: Rig, { seed, cuts, report }: Options): Promise<void> {
  const systems = Object.keys(FILE_SYSTEMS);
  for (const [index, system] of systems.entries()) {
    const share = Math.floor((cuts + systems.length - 1 - index) / systems.length);
    const series = new Series(rig, system, { seed, cuts: share, report });
    if (share > 0) await series.run();
  }
}

/** The cuts on one file system. */
class Series {
  readonly #random: Random;
  readonly #power: Power;

  constructor(
    private readonly rig: Rig,
    private readonly system: string,
    private readonly options: Options,
  ) {
    this.#random = new Random(options.seed, `${POWER_CUTS}/${system}`);
    this.#power = new Power(this.#random);
  }

  /** Starts a guest after each cut: it checks the disks, repeats the copy, and loses its power in the next one. */
  async run(): Promise<void> {
    const { cuts, report } = this.options;
    let before: Aftermath = { disks: new Map(), copy: "nothing", cut: "", requests: 0 };
    for (let number = 0; number <= cuts; number += 1) {
      const guest = await this.rig.start({
        disks: disksFor(this.system),
        power: this.#power,
        kept: before.disks,
      });
      try {
        before = await this.#follow(guest, number, before);
      } catch (error) {
        const row =
          number === 0 ? `new disks, ${this.system}` : `cut ${number - 1}, ${this.system}`;
        const reason = `${before.cut}: ${String(error)}\nConsole:\n${guest.console()}`;
        report({ topic: POWER_CUTS, row, state: "failed", reason });
        return;
      } finally {
        await guest.end();
      }
    }
  }

  /** Reports what this guest finds, and cuts its power. */
  async #follow(guest: Guest, number: number, before: Aftermath): Promise<Aftermath> {
    const { conversation, machine, volatile: disks } = guest;
    const { cuts, report } = this.options;
    let { requests } = before;
    let copy: Aftermath["copy"] = "unfinished";
    let cut = "right after the copy";
    conversation.onReport = (seen) => {
      if (before.copy === "nothing") return;
      const outcome = judge(POWER_CUTS, seen, expectedAfter(before));
      const reason = [`${before.copy}, ${before.cut}`, outcome.reason ?? []].flat().join("; ");
      const seenThere = outcome.state === "failed" ? `\nConsole:\n${guest.console()}` : "";
      report({ ...outcome, reason: reason + seenThere });
    };
    const atCut = (): void => {
      // The guest says no more, and what it has said before is complete.
      conversation.gone();
    };
    conversation.onAsk = async ([verb]) => {
      if (verb === "measure") this.#power.arm(Infinity, atCut);
      else if (verb === "measured") requests = this.#power.requests;
      else if (verb === "finished" && this.#power.isOn) copy = "finished";
      else if (verb === "arm") {
        const request = 1 + this.#random.below(requests);
        this.#power.arm(request, () => {
          cut = `at request ${request} of about ${requests}`;
          atCut();
        });
      } else if (verb === "cut") {
        this.#power.cut();
        atCut();
      }
    };
    const next = nextAfter(number, cuts);
    machine.say(`${POWER_CUTS} ${this.system} ${number} ${before.copy} ${next}`);
    await conversation.until("over");
    await guest.end();
    const lost = [...disks.values()].map((disk) => disk.losePower(this.#random));
    this.#power.restore();
    cut += `, ${lost.reduce((sum, each) => sum + each, 0)} sectors lost`;
    return { disks, copy, cut, requests };
  }
}

function disksFor(system: string): Readonly<Record<string, DiskPlan>> {
  return {
    source: { mebibytes: 4, volatile: true },
    device: { mebibytes: 4, volatile: true },
    // Of two halves of a journal's block, one could be lost with smaller sectors: ext4 of Linux 6.1 cannot be mounted then.
    files: { mebibytes: FILE_SYSTEMS[system] ?? 0, volatile: true, sector: 4096 },
  };
}

function nextAfter(number: number, cuts: number): "random" | "success" | "nothing" {
  if (number === cuts) return "nothing";
  return number % 3 === 0 ? "success" : "random";
}

/** A copy that had succeeded is on the disk; every copy can be repeated. */
function expectedAfter({ copy }: Aftermath): Expected {
  return { mounted: "yes", ...(copy === "finished" && { copy: "equal" }), again: "0-equal" };
}
