import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { eachLine } from "./lines.ts";
import { Monitor } from "./qmp.ts";

/** The files and the memory of a guest. */
export interface Parts {
  /** For sockets and the console's text. */
  readonly folder: string;
  readonly kernel: string;
  readonly initramfs: string;
  readonly usr: string;
  readonly memory: string;
  /** A state that {@link Machine.save} has saved; without it, the guest boots. */
  readonly state?: string;
}

export interface Disk {
  readonly id: string;
  readonly bus: "nvme" | "virtio";
  readonly sector: 512 | 4096;
  /** Of an image, or of the socket of a disk server. */
  readonly file: string | { readonly socket: string };
}

/** The file in the folder of a guest that has the text of its console. */
export const CONSOLE = "console";

/** The longest that qemu may take for what it is asked to do. */
const LIMIT_MS = 10 * 60_000;

/** Without features that are slow to emulate. KVM does not run everywhere; emulation does. */
const CPU = "max,-la57,-pcid,-smap,-smep,-umip,-pku";
const KERNEL_OPTIONS =
  "console=ttyS0 quiet loglevel=3 panic=-1 rdinit=/init no_timer_check mitigations=off audit=0";

/** A guest in qemu, and the line to it: its second serial port. */
export class Machine {
  readonly #serial: Socket;
  /** The arguments of `device_add` for each disk. */
  readonly #devices = new Map<string, Readonly<Record<string, unknown>>>();
  readonly monitor: Monitor;

  private constructor(
    private readonly qemu: ChildProcess,
    serial: Socket,
    onLine: (line: string) => void,
  ) {
    this.#serial = serial;
    this.monitor = new Monitor(qemu.stdout!, qemu.stdin!);
    eachLine(serial, onLine);
    serial.on("error", () => {});
  }

  /** Starts qemu. `onLine` gets what the guest says. */
  static async start(parts: Parts, onLine: (line: string) => void): Promise<Machine> {
    const path = join(parts.folder, "serial");
    const server = createServer();
    server.listen(path);
    await once(server, "listening");
    // The guest ends with this process, however that ends.
    const command = ["--pdeathsig", "KILL", "qemu-system-x86_64", ...argumentsOf(parts, path)];
    const qemu = spawn("setpriv", command, {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const failed = once(qemu, "exit").then(([code]) => {
      throw new Error(`qemu ended with exit code ${code} before the guest had started`);
    });
    const connected = once(server, "connection").then(([socket]) => socket as Socket);
    const serial = await Promise.race([connected, failed]);
    failed.catch(() => {});
    server.close();
    const machine = new Machine(qemu, serial, onLine);
    await machine.monitor.send("qmp_capabilities");
    return machine;
  }

  /** Says a line to the guest. */
  say(line: string): void {
    this.#serial.write(`${line}\n`);
  }

  async plug({ id, bus, sector, file }: Disk): Promise<void> {
    const cache = { direct: false };
    const storage =
      typeof file === "string"
        ? { driver: "file", filename: file, discard: "unmap", cache }
        : { driver: "nbd", server: { type: "unix", path: file.socket }, cache };
    await this.monitor.send("blockdev-add", { driver: "raw", "node-name": id, file: storage });
    const sectors = { logical_block_size: sector, physical_block_size: sector };
    const driver = bus === "nvme" ? "nvme" : "virtio-blk-pci";
    const device = { driver, id: `d-${id}`, drive: id, serial: id, ...sectors };
    this.#devices.set(id, device);
    await this.monitor.send("device_add", device);
  }

  /** Removes a disk, and returns once the guest has let go of it. */
  async unplug(id: string): Promise<void> {
    await this.monitor.send("device_del", { id: `d-${id}` });
    await this.#until(`remove the disk ${id}`, async () => this.monitor.hasRemoved(`d-${id}`));
  }

  /** Puts a disk in again that was unplugged. */
  async replug(id: string): Promise<void> {
    await this.monitor.send("device_add", this.#devices.get(id));
  }

  async resize(id: string, bytes: number): Promise<void> {
    await this.monitor.send("block_resize", { "node-name": id, size: bytes });
  }

  /** Waits until a saved state has been loaded. */
  async untilRunning(): Promise<void> {
    await this.#until("load the state of the guest", async () => {
      const { status } = (await this.monitor.send("query-status")) as { status: string };
      return status === "running";
    });
  }

  /** Saves the state of the guest, which then stands still. */
  async save(state: string): Promise<void> {
    await this.monitor.send("migrate", { uri: `exec:cat > '${state}'` });
    await this.#until("save the state of the guest", async () => {
      const { status } = (await this.monitor.send("query-migrate")) as { status: string };
      if (status === "failed") throw new Error("qemu cannot save the state of the guest");
      return status === "completed";
    });
  }

  /** Ends qemu at once, as a power cut does. */
  async kill(): Promise<void> {
    if (this.#hasEnded()) return;
    const ended = once(this.qemu, "exit");
    this.qemu.kill("SIGKILL");
    await ended;
  }

  #hasEnded(): boolean {
    return this.qemu.exitCode !== null || this.qemu.signalCode !== null;
  }

  /** Waits until qemu has done something; fails if it ends before, or takes too long. */
  async #until(task: string, isDone: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + LIMIT_MS;
    while (!(await isDone())) {
      if (this.#hasEnded()) throw new Error(`qemu has ended; it was to ${task}`);
      if (Date.now() > deadline) {
        throw new Error(`qemu did not ${task} within ${LIMIT_MS / 60_000} minutes`);
      }
      await sleep(50);
    }
  }
}

function argumentsOf(parts: Parts, serial: string): string[] {
  const { folder, state, usr } = parts;
  return [
    ["-m", parts.memory, "-smp", "1", "-no-reboot", "-display", "none", "-nodefaults"],
    ["-qmp", "stdio", "-accel", "tcg,thread=multi", "-cpu", CPU],
    ["-kernel", parts.kernel, "-initrd", parts.initramfs, "-append", KERNEL_OPTIONS],
    ["-serial", `file:${join(folder, CONSOLE)}`],
    ["-chardev", `socket,id=line,path=${serial}`, "-serial", "chardev:line"],
    ["-drive", `file=${usr},if=none,id=usr,format=raw,readonly=on`],
    ["-device", "virtio-blk-pci,drive=usr,serial=usr"],
    state === undefined ? [] : ["-incoming", `exec:cat '${state}'`],
  ].flat();
}
