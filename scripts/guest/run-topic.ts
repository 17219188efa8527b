import { Power } from "./disk/power.ts";
import type { Random } from "./disk/random.ts";
import type { Topic } from "./expectations/topic.ts";
import { judge, type Outcome, reportEnd } from "./judge.ts";
import type { Guest, Rig } from "./rig.ts";

/** Runs a topic in a guest of its own, and calls `report` for each of its rows. */
export async function runTopic(
  rig: Rig,
  topic: Topic,
  random: Random,
  report: (outcome: Outcome) => void,
): Promise<void> {
  const { name, disks, memory } = topic;
  const power = new Power(random);
  const guest = await rig.start({ disks, power, ...(memory !== undefined && { memory }) });
  const missing = new Set(Object.keys(topic.rows));
  let failure: string | undefined;
  let failed = false;
  try {
    const { conversation, machine } = guest;
    conversation.onReport = (row) => {
      missing.delete(row.name);
      const outcome = judge(name, row, topic.rows[row.name]);
      failed ||= outcome.state === "failed";
      report(outcome);
    };
    conversation.onAsk = async (words) => obey(guest, words);
    machine.say(name);
    await conversation.until("over");
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  } finally {
    if (failed || failure !== undefined) console.log(`Console:\n${guest.console()}`);
    await guest.end();
  }
  reportEnd({ topic: name, missing, failure }, report);
}

/** Does what the guest asks for: unplugs, resizes or damages a disk. */
async function obey({ machine, volatile }: Guest, words: readonly string[]): Promise<void> {
  const [verb, id = "", number] = words;
  if (verb === "unplug") await machine.unplug(id);
  else if (verb === "plug") await machine.replug(id);
  else if (verb === "resize") await machine.resize(id, Number(number));
  else if (verb === "damage") volatile.get(id)?.damage(Number(number));
  else throw new Error(`the guest asks for what no driver does: ${words.join(" ")}`);
}
