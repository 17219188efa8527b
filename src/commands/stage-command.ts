import { Command, Option } from "clipanion";

import { type IoOptions, isDirect, isQueueDepth, isThreads } from "./options/io-options.ts";

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
