import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run, type Command } from "../../common/processes.ts";

/** Place in which a server keeps its export. */
export type Storage = "memory" | "qcow2";

const WAIT_MS = 10;
const PATIENCE_MS = 10_000;
/** Of times in /proc; see sysconf(3). Linux has had no other value on any CPU for years. */
const TICKS_A_SECOND = 100;

/** A running NBD server, with an export that holds the content of a file. */
export class NbdServer {
  readonly #process: ChildProcess;
  readonly #socket: string;
  readonly #stopAtExit = (): void => this.stop();

  /**
   * Starts a server in `folder` and fills its export.
   *
   * @param size bytes of `content`
   * @throws Error when the server cannot be started, or filled
   */
  constructor(storage: Storage, folder: string, { content, size }: ExportContent) {
    this.#socket = join(folder, "nbd-socket");
    const [program, ...args] = serverCommand(storage, this.#socket, folder, size);
    this.#process = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
    process.once("exit", this.#stopAtExit);
    waitFor(this.#socket, program);
    run(["nbdcopy", "--flush", content, this.uri]);
  }

  /** The address of the export. */
  get uri(): string {
    return `nbd+unix:///?socket=${this.#socket}`;
  }

  /** CPU seconds that the server has used since its start; see proc_pid_stat(5). */
  get cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#process.pid}/stat`, "utf8");
    // The name of the program, in parentheses, may hold anything. The first field after it is the third.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[14 - 3]) + Number(fields[15 - 3])) / TICKS_A_SECOND;
  }

  /** @throws Error when the content of the export is not that of `file` */
  check(file: string): void {
    run(["sh", "-c", 'nbdcopy "$0" - | cmp - "$1"', this.uri, file]);
  }

  /** Ends the server. */
  stop(): void {
    process.removeListener("exit", this.#stopAtExit);
    this.#process.kill("SIGKILL");
    rmSync(this.#socket, { force: true });
  }
}

/** Content for an export. */
interface ExportContent {
  readonly content: string;
  /** Its bytes. */
  readonly size: number;
}

function serverCommand(storage: Storage, socket: string, folder: string, size: number): Command {
  if (storage === "memory") {
    return ["nbdkit", "--foreground", "--unix", socket, "memory", String(size)];
  }
  const image = join(folder, "image.qcow2");
  run(["qemu-img", "create", "-q", "-f", "qcow2", image, String(size)]);
  // As many clients as each of them may want.
  return ["qemu-nbd", "--persistent", "--shared=16", "--format=qcow2", `--socket=${socket}`, image];
}

function waitFor(socket: string, program: string): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; !existsSync(socket); waited += WAIT_MS) {
    if (waited > PATIENCE_MS) throw new Error(`${program} does not listen on ${socket}`);
    Atomics.wait(sleeper, 0, 0, WAIT_MS);
  }
}
