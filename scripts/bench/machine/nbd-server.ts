import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pause } from "../../../src/native/pause.ts";
import { run, type Command } from "../../common/processes.ts";
import { cpuSecondsOf } from "./cpu-time.ts";

/** Place in which a server keeps its export. */
export type Storage = "memory" | "qcow2";

const WAIT_MS = 10;
const PATIENCE_MS = 10_000;

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

  /** CPU seconds that the server has used since its start. */
  get cpuSeconds(): number {
    return cpuSecondsOf(this.#process.pid ?? "", "itself");
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
  for (let waited = 0; !existsSync(socket); waited += WAIT_MS) {
    if (waited > PATIENCE_MS) throw new Error(`${program} does not listen on ${socket}`);
    pause(WAIT_MS);
  }
}
