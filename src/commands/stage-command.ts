import { Command } from "clipanion";

import type { StageContext } from "../blocks/context.ts";
import { isExport } from "../native/export.ts";
import { redirect } from "../native/files.ts";
import { flag, value, valueOr } from "./options/declare.ts";
import {
  EXPORT_QUEUE_DEPTH,
  type IoOptions,
  QUEUE_DEPTH,
  THREADS,
  WHEN,
} from "./options/io-options.ts";

/** Options of all commands. */
export abstract class AnyCommand extends Command {
  verbose = flag("-v,--verbose", {
    group: "output",
    text: "Print details on standard error, as with the environment variable DEBUG=1",
  });

  /** True if details are wanted, by option or by environment. */
  get wantsDetails(): boolean {
    return this.verbose || (process.env["DEBUG"] ?? "") !== "";
  }
}

/** Options of the commands that read or write files in blocks. */
export abstract class StageCommand extends AnyCommand {
  direct = valueOr("--direct", WHEN, "auto", {
    group: "speed",
    text: "Bypass the page cache: on, off or auto, which reads from the cache what is in it already. Default: auto",
  });

  threads = value("--threads", THREADS, {
    group: "speed",
    text: "Hash and compress on this number of threads. Default: one per core",
  });

  queueDepth = value("--queue-depth", QUEUE_DEPTH, {
    group: "speed",
    text: "Keep this number of reads or writes in flight, 1 to 32. Default: 4 to 8, two per core; for an NBD export 16",
  });

  /** Set by the library: a program reads the messages as events, and the command ends when that program has gone. */
  embedded = flag("--embedded");

  /** Set by `serve`: the stage reaches its file through a descriptor, so that no link can lead it to another one. */
  isConfined = false;

  /**
   * Prepares for opening the file, whose path is absolute if the stage is confined to it.
   *
   * @throws the engine's failures
   */
  protected reach({ native }: Pick<StageContext, "native">, file: string): void {
    if (this.isConfined) {
      redirect(native.confine(file));
    }
  }

  /** Returns the settings for reading and writing what has these names. */
  protected ioOf(...names: readonly string[]): IoOptions {
    const { direct, threads, queueDepth } = this;
    const usual = names.some(isExport) ? EXPORT_QUEUE_DEPTH : undefined;
    return { direct, threads, queueDepth: queueDepth ?? usual };
  }
}
