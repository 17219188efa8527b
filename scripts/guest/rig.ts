import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Conversation } from "./conversation.ts";
import { DiskServer } from "./disk/disk-server.ts";
import type { Power } from "./disk/power.ts";
import { VolatileDisk } from "./disk/volatile-disk.ts";
import type { DiskPlan } from "./expectations/topic.ts";
import { initramfs, usrImage } from "./machine/image.ts";
import { CONSOLE, Machine, type Parts } from "./machine/machine.ts";
import { findKernel } from "./machine/programs.ts";

const MEMORY = "768M";

/** A guest that runs, with its disks and what it says. */
export interface Guest {
  readonly machine: Machine;
  readonly conversation: Conversation;
  /** The disks that the driver serves, by name. */
  readonly volatile: ReadonlyMap<string, VolatileDisk>;
  /** The last lines of its console. */
  console(): string;
  end(): Promise<void>;
}

/** Everything that guests start from. One of them boots; the others start from its saved state, which takes a second. */
export class Rig {
  readonly folder: string;
  readonly #parts: Omit<Parts, "folder" | "memory">;
  #state: string | undefined;
  #guests = 0;

  constructor(extraFiles: Readonly<Record<string, string>>) {
    const kernel = findKernel();
    if (kernel === undefined) throw new Error("there is no kernel for the guest");
    this.folder = mkdtempSync(join(tmpdir(), "blockcopy-guest-"));
    const usr = usrImage(kernel);
    const archive = join(this.folder, "initramfs");
    writeFileSync(archive, initramfs(kernel, extraFiles));
    this.#parts = { kernel: kernel.image, initramfs: archive, usr };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Starts a guest with these disks, ready for its topic. Disks that are given keep their content. */
  async start(options: {
    readonly disks: Readonly<Record<string, DiskPlan>>;
    readonly power: Power;
    readonly kept?: ReadonlyMap<string, VolatileDisk>;
    readonly memory?: string;
  }): Promise<Guest> {
    const folder = this.#newFolder();
    const conversation = new Conversation();
    const { memory } = options;
    const state = memory === undefined ? await this.#savedState() : undefined;
    const parts = { ...this.#parts, folder, memory: memory ?? MEMORY, ...(state && { state }) };
    const machine = await Machine.start(parts, (line) => conversation.take(line));
    conversation.answer = (line) => machine.say(line);
    const servers: DiskServer[] = [];
    const end = async (): Promise<void> => {
      await machine.kill();
      for (const server of servers.splice(0)) await server.stop();
      rmSync(folder, { recursive: true, force: true });
    };
    const volatile = new Map(options.kept);
    const plug = async (id: string, plan: DiskPlan): Promise<void> => {
      const { bus = "nvme", sector = 512 } = plan;
      let file: string | { socket: string } = join(folder, id);
      if (plan.volatile) {
        const disk = volatile.get(id) ?? new VolatileDisk(plan.mebibytes << 20, sector);
        volatile.set(id, disk);
        servers.push(await DiskServer.start(file, disk, options.power));
        file = { socket: file };
      } else {
        writeFileSync(file, "");
        truncateSync(file, plan.mebibytes << 20);
      }
      await machine.plug({ id, bus, sector, file });
    };
    try {
      if (state === undefined) await conversation.until("ready");
      else await machine.untilRunning();
      for (const [id, plan] of Object.entries(options.disks)) await plug(id, plan);
    } catch (error) {
      await end();
      throw error;
    }
    const lastLines = (): string => lastOf(join(folder, CONSOLE), 15);
    return { machine, conversation, volatile, console: lastLines, end };
  }

  /** The state of a guest that has booted and waits for its topic. */
  async #savedState(): Promise<string> {
    if (this.#state === undefined) {
      const folder = this.#newFolder();
      const conversation = new Conversation();
      const parts = { ...this.#parts, folder, memory: MEMORY };
      const machine = await Machine.start(parts, (line) => conversation.take(line));
      const state = join(this.folder, "state");
      try {
        await conversation.until("ready");
        await machine.save(state);
      } finally {
        await machine.kill();
      }
      this.#state = state;
    }
    return this.#state;
  }

  #newFolder(): string {
    const folder = join(this.folder, `guest-${(this.#guests += 1)}`);
    mkdirSync(folder);
    return folder;
  }
}

function lastOf(file: string, lines: number): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
}
