import type { Readable, Writable } from "node:stream";
import { eachLine } from "./lines.ts";

type Answer = { readonly return?: unknown; readonly error?: { readonly desc: string } };

const ENDED: Answer = { error: { desc: "qemu has ended" } };

/** The monitor of qemu (QMP): it takes commands in order and answers each. */
export class Monitor {
  readonly #waiting: ((answer: Answer) => void)[] = [];
  #hasEnded = false;
  readonly #events: { name: string; device: string | undefined }[] = [];

  constructor(
    answers: Readable,
    private readonly commands: Writable,
  ) {
    // A qemu that was killed takes no more commands; its answers have ended then, too.
    commands.on("error", () => {});
    eachLine(
      answers,
      (line) => this.#take(JSON.parse(line)),
      () => this.#end(),
    );
  }

  /** Sends a command; fails with qemu's words. */
  async send(execute: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const answer = this.#hasEnded ? ENDED : await this.#ask({ execute, arguments: args });
    if (answer.error !== undefined) throw new Error(`qemu: ${execute}: ${answer.error.desc}`);
    return answer.return;
  }

  /** True once qemu has let go of this device. */
  hasRemoved(device: string): boolean {
    return this.#events.some((event) => event.name === "DEVICE_DELETED" && event.device === device);
  }

  #ask(command: Readonly<Record<string, unknown>>): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.commands.write(`${JSON.stringify(command)}\n`);
    });
  }

  #take(message: Answer & { event?: string; data?: { device?: string } }): void {
    if (message.event !== undefined) {
      this.#events.push({ name: message.event, device: message.data?.device });
    } else if ("return" in message || "error" in message) {
      this.#waiting.shift()?.(message);
    }
  }

  #end(): void {
    this.#hasEnded = true;
    for (const answer of this.#waiting.splice(0)) answer(ENDED);
  }
}
