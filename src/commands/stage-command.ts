import { Command, Option } from "clipanion";
import * as t from "typanion";

import { OptionError } from "../blocks/context.ts";
import { refuseBareHost } from "../sync/connection/endpoint.ts";
import { exists } from "../transport/files/small-file.ts";
import { isStandardInput } from "../transport/streams/standard-input.ts";
import { type IoOptions, isDirect, isQueueDepth, isThreads } from "./options/io-options.ts";
import { refuse } from "./options/refuse.ts";

/** What all commands have in common. */
export abstract class AnyCommand extends Command {
  verbose = Option.Boolean("-v,--verbose", false, {
    description: "Say on standard error what happens; the environment variable DEBUG does the same",
  });

  /** Whether details are wanted, by option or by environment. */
  get wantsDetails(): boolean {
    return this.verbose || (process.env["DEBUG"] ?? "") !== "";
  }
}

/** What the commands that read or write files in blocks have in common. */
export abstract class StageCommand extends AnyCommand {
  direct = Option.String("--direct", "auto", {
    description:
      "Go past the page cache: on, off, or auto, the default: for all but what it holds already and what cannot be; -v shows it",
    validator: isDirect,
  });

  threads = Option.String("--threads", {
    description: "Hash and compress on that many threads instead of one per core",
    validator: isThreads,
  });

  queueDepth = Option.String("--queue-depth", {
    description:
      "Have that many reads or writes in flight instead of 4 to 8 (two per core), at most 32",
    validator: isQueueDepth,
  });

  /** How files are read and written. */
  protected get io(): IoOptions {
    return { direct: this.direct, threads: this.threads, queueDepth: this.queueDepth };
  }
}

/** A name of a file or device. An empty one is most likely a variable of a script that was never set. */
export const isFileName: t.StrictValidator<unknown, string> = t.makeValidator({
  test: (value, state): value is string =>
    (typeof value === "string" && value !== "") ||
    refuse(state, "the name is empty; give that of a file or device"),
});

/** `-` stands for standard input elsewhere, but a stage that reads a stream from it has none to spare. */
export function refuseStandardInput(file: string): void {
  if (isStandardInput(file)) {
    throw new OptionError(
      `file_path must be actual file or device, not \`${file}\``,
      "give its name",
    );
  }
}

/**
 * Refuses a name of another host's file in place of one here, unless there is a file of that name.
 *
 * @param stage the command, as a person would run it there
 * @throws OptionError
 */
export function refuseHost(stage: string, file: string): void {
  if (!exists(file)) {
    refuseBareHost(file);
  }
  const [, host, path] = /^(\[[^\]/]+\]|[^/:[\]]+):(.*)$/s.exec(file) ?? [];
  if (host !== undefined && !exists(file)) {
    throw new OptionError(
      `${file} names a file of another host, and \`${stage}\` works on files of this one`,
      `use \`blockcopy sync\`, or run \`ssh ${host} blockcopy ${stage} ${path}\`; for a file here, give ./${file}`,
    );
  }
}
