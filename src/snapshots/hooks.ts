import type { StageContext } from "../blocks/context.ts";
import { UsageError } from "../errors/copy-error.ts";
import { absolute } from "../native/files.ts";
import { isBytes } from "../native/names.ts";
import { givenEnvironment } from "../native/node-start.ts";
import { type CommandFailure, CommandPair } from "../transport/processes/command-pair.ts";
import { SnapshotError } from "./snapshot-error.ts";
import { HOOK_SECONDS, type SnapshotOptions } from "./snapshot-options.ts";
import { messageOf } from "../errors/message-of.ts";

/** Returns advice on a command that failed. */
function adviceOn({ isTimeout }: CommandFailure): string {
  return `run it by hand to see why${isTimeout ? "; --hook-timeout gives it more seconds" : ""}`;
}

/**
 * Does `work`, which makes a snapshot, between the commands of `--before` and `--after`. The second runs whatever happened, even if this
 * process is killed; `work` is not done if the first fails.
 *
 * @param undo called if `work` has succeeded and `--after` fails: a file system that stays frozen is reported at once
 * @throws SnapshotError if a command fails, and whatever `work` throws
 */
export async function betweenCommands<T>(
  { native, warn, debug }: Pick<StageContext, "native" | "warn" | "debug">,
  { file, kind, options }: { file: string; kind: string; options: SnapshotOptions },
  { work, undo }: { work: () => Promise<T>; undo: (made: T) => Promise<void> },
): Promise<T> {
  const { before, after } = options;
  if (before === undefined && after === undefined) {
    return work();
  }
  const commands = start(native, file, kind, options);
  let made: { value: T } | { error: unknown };
  try {
    const failed = await commands.first();
    if (failed !== undefined) {
      throw new SnapshotError(`the command of --before failed: ${failed.reason}`, adviceOn(failed));
    }
    debug("the command of --before has ended");
    made = { value: await work() };
  } catch (error) {
    made = { error };
  }
  const failed = await commands.second();
  debug("the command of --after has ended");
  if ("error" in made) {
    if (failed !== undefined) {
      warn(`the command of --after failed too: ${failed.reason}`);
    }
    throw made.error;
  }
  if (failed !== undefined) {
    await undo(made.value);
    throw new SnapshotError(
      `the command of --after failed: ${failed.reason}; nothing was copied`,
      `see that nothing stays frozen; ${adviceOn(failed)}`,
    );
  }
  return made.value;
}

function start(
  native: StageContext["native"],
  file: string,
  kind: string,
  { before, after, hookTimeout: seconds = HOOK_SECONDS }: SnapshotOptions,
): CommandPair {
  const source = absolute(file);
  if ([source, before ?? "", after ?? ""].some(isBytes)) {
    throw new UsageError(
      "--before and --after can only be run with names in UTF-8",
      "make a link in UTF-8 to what they name",
    );
  }
  const environment = {
    ...givenEnvironment(),
    BLOCKCOPY_SOURCE: source,
    BLOCKCOPY_SNAPSHOT: kind,
  };
  try {
    return CommandPair.start(native, { first: before, second: after, seconds, environment });
  } catch (error) {
    throw new SnapshotError(
      `--before and --after cannot be run: ${messageOf(error)}`,
      "nothing was copied; make that possible, or leave them out",
    );
  }
}
