import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { findTool } from "../../transport/processes/find-tool.ts";
import type { FormatChoice } from "./format.ts";

/** A program of QEMU is missing, or has failed. */
export class QemuError extends CopyError {
  override readonly name = "QemuError";
}

/** An image is in use, and no option overrides that. */
export class ImageInUseError extends QemuError {
  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.unavailable);
  }
}

/** @throws QemuError if a program of QEMU is not installed */
export function programFor(
  name: "qemu-img" | "qemu-nbd",
  { option }: Pick<FormatChoice, "option">,
): string {
  const program = findTool(name);
  if (program === undefined) {
    throw new QemuError(
      `${option} needs ${name}, and this host does not have it`,
      "install qemu-utils (Debian, Ubuntu), qemu-img (Fedora, RHEL) or qemu-tools (SUSE) where the image is",
      ExitCode.unavailable,
    );
  }
  return program;
}

/** Lines of a program that go into a message. */
const MOST_LINES = 2;

/** The first lines that a program of QEMU prints, as they go into a message. */
export class Words {
  readonly #lines: string[] = [];

  /** Takes a line. */
  add(line: string): void {
    if (this.#lines.length < MOST_LINES && line.trim() !== "") {
      this.#lines.push(line.trim().slice(0, 500));
    }
  }

  /** Returns the lines as one; empty if there were none. */
  get text(): string {
    return this.#lines.join(" | ");
  }
}
