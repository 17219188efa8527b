import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { Conversation } from "./conversation.ts";
import type { Topic } from "./expectations/topic.ts";
import { judge, type Outcome, reportEnd } from "./judge.ts";
import { eachLine } from "./machine/lines.ts";

const INSIDE = fileURLToPath(new URL("inside", import.meta.url));
const LAUNCHER = fileURLToPath(new URL("../../dist/cli/blockcopy", import.meta.url));
const LIMIT_MS = 15 * 60_000;

/** Runs a topic on the kernel of this host, with loop devices as its disks, in a mount namespace of its own. */
export async function runOnHost(topic: Topic, report: (outcome: Outcome) => void): Promise<void> {
  const name = `${topic.name}-on-host`;
  if (process.getuid?.() !== 0) {
    for (const row of Object.keys(topic.rows)) {
      report({ topic: name, row, state: "skipped", reason: "only root can attach loop devices" });
    }
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-on-host-"));
  const devices = new Map<string, string>();
  const undo = (): string | undefined => {
    const left = [...devices.values()].filter((device) => !detach(device));
    rmSync(folder, { recursive: true, force: true });
    return left.length === 0 ? undefined : `cannot detach ${left.join(", ")}`;
  };
  const missing = new Set(Object.keys(topic.rows));
  let failure: string | undefined;
  // After a signal, this process ends without the rest of this function.
  process.on("exit", undo);
  try {
    for (const [id, { mebibytes }] of Object.entries(topic.disks)) {
      const image = join(folder, id);
      writeFileSync(image, "");
      truncateSync(image, mebibytes << 20);
      const device = execFileSync("losetup", ["--find", "--show", image], { encoding: "utf8" });
      devices.set(id, device.trim());
    }
    const conversation = new Conversation();
    conversation.onReport = (row) => {
      missing.delete(row.name);
      report(judge(name, row, topic.rows[row.name]));
    };
    await runScript(topic, { folder, devices }, conversation);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  process.off("exit", undo);
  const left = undo();
  reportEnd({ topic: name, missing, failure: failure ?? left }, report);
}

function detach(device: string): boolean {
  return spawnSync("losetup", ["--detach", device], { stdio: "inherit" }).status === 0;
}

/** Runs the script of a topic to its end. Its mounts end with it. */
async function runScript(
  topic: Topic,
  { folder, devices }: { folder: string; devices: ReadonlyMap<string, string> },
  conversation: Conversation,
): Promise<void> {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  symlinkSync(LAUNCHER, join(bin, "blockcopy"));
  const script = join(INSIDE, "topics", `${topic.name}.sh`);
  const command = `mount -t tmpfs tmpfs /mnt && exec bash '${script}'`;
  // The script ends with this process, however that ends.
  const unshare = ["unshare", "--mount", "--pid", "--mount-proc", "--kill-child"];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...unshare, "sh", "-c", command], {
    env: {
      ...process.env,
      ...Object.fromEntries([...devices].map(([id, device]) => [`DISK_${id}`, device])),
      PATH: `${bin}:/usr/local/sbin:/usr/sbin:/sbin:${process.env["PATH"] ?? ""}`,
      GUEST: INSIDE,
      SCRATCH: folder,
    },
    stdio: ["ignore", "ignore", "inherit", "pipe"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const ended = once(child, "close");
  eachLine(child.stdio[3] as Duplex, (line) => conversation.take(line));
  const [code] = (await ended) as [number | null];
  conversation.take(`end ${code}`);
  await conversation.until("over");
}
