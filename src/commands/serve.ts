import { Cli, Command, type CommandClass } from "clipanion";

import { CopyError, UsageError } from "../errors/copy-error.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { givenVariable } from "../native/arguments.ts";
import { eventLine, helloLine } from "../ui/event-lines.ts";
import { printLine } from "../ui/stderr.ts";
import { flag, list } from "./options/declare.ts";
import { allowedWords } from "./serve/allowed.ts";
import { PATTERN } from "./serve/pattern.ts";
import { RefusedError, type Stage } from "./serve/refused-error.ts";
import { ONLY, parseRequest, type Request } from "./serve/request.ts";
import type { StageCommand } from "./stage-command.ts";

/** `blockcopy serve` */
export class ServeCommand extends Command {
  static override paths = [["serve"]];

  static override usage = Command.Usage({
    description: "run the stage that a `sync` or `compare` elsewhere asks for, if a key allows it",
    details: `
      Is the forced command of an ssh key (command= in authorized_keys, ForceCommand in sshd_config). Reads what \`blockcopy sync\` or \`compare\` on another host asks for from SSH_ORIGINAL_COMMAND, and does it if the options allow the file; otherwise it says what is not allowed and ends with code 77. It runs no shell, no other program and no \`blockcopy\` that was sent.

      PATTERN is an absolute path, in which \`*\` stands for any characters but a slash and \`?\` for one. Quote it: a shell reads the forced command. Symbolic links in a path are followed only if root alone can have made them, such as those of udev in /dev.
    `,
    examples: [
      [
        "In authorized_keys, a key that can only read the snapshots of a volume group",
        `restrict,command="$0 serve --allow-read '/dev/vg/*-snapshot'" ssh-ed25519 AAAA…`,
      ],
      [
        "A key that can only write the files in a folder, and make new ones",
        `restrict,command="$0 serve --allow-create --allow-write '/srv/disks/*'" ssh-ed25519 AAAA…`,
      ],
    ],
  });

  allowRead = list("--allow-read", PATTERN, {
    group: "safety",
    text: "Allow copying from files and devices with such a path, and comparing them; may be given several times",
  });

  allowWrite = list("--allow-write", PATTERN, {
    group: "safety",
    text: "Allow copying to files and devices with such a path, and comparing them; may be given several times",
  });

  allowCreate = flag("--allow-create", {
    group: "safety",
    text: "Allow `sync --create` where --allow-write allows writing",
  });

  override async execute(): Promise<number> {
    try {
      const request = this.#request();
      const words = this.#check(request);
      const stage = await stageOf(request, words);
      return (await stage.execute()) ?? ExitCode.success;
    } catch (error) {
      return refuse(error);
    }
  }

  #request(): Request {
    if (this.allowRead.length + this.allowWrite.length === 0) {
      throw new UsageError("nothing is allowed", "give --allow-read, --allow-write, or both");
    }
    const line = givenVariable("SSH_ORIGINAL_COMMAND");
    if (line === undefined) {
      throw new RefusedError(undefined, "logging in", ONLY);
    }
    return parseRequest(line);
  }

  #check(request: Request): string[] {
    const { allowRead: read, allowWrite: write, allowCreate: create } = this;
    return allowedWords(request, { read, write, create });
  }
}

/** Loads the command of a stage. */
async function classOf(stage: Stage): Promise<CommandClass> {
  return stage === "retrieve"
    ? (await import("./retrieve.ts")).RetrieveCommand
    : (await import("./receive.ts")).ReceiveCommand;
}

/** Makes the stage that was asked for, which reaches no other file than its own. */
async function stageOf({ stage }: Request, words: readonly string[]): Promise<StageCommand> {
  const cli = Cli.from([await classOf(stage)], { binaryName: "blockcopy" });
  try {
    const command = cli.process([stage, ...words]) as StageCommand;
    command.isConfined = true;
    return command;
  } catch {
    // `sync` checks the values itself.
    const advice = "give values that `blockcopy sync` accepts";
    throw new RefusedError(stage, "the value of an option", advice);
  }
}

/** Says why nothing is done, as an event if `sync` reads it. Returns the exit code. */
function refuse(error: unknown): number {
  if (!(error instanceof CopyError)) {
    throw error;
  }
  const { message, advice, exitCode: code } = error;
  if (error instanceof RefusedError && error.stage !== undefined) {
    printLine(helloLine());
    printLine(eventLine({ event: "error", message, advice, code, consequence: false }));
  } else {
    printLine(`ERROR (serve): ${message}; ${advice}`);
  }
  return code;
}
