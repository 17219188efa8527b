import { UsageError } from "../errors/copy-error.ts";
import type { SaveOptions } from "../stages/save/session.ts";
import type { FormatChoice } from "../stages/image/format.ts";
import { flag, valueOr } from "./options/declare.ts";
import { oneOf } from "./options/one-of.ts";
import { StageCommand } from "./stage-command.ts";

const WHAT = oneOf("WHAT", ["none", "written", "full"], "full");

/** Options of the commands that write to a file or device. */
export abstract class DestinationCommand extends StageCommand {
  create = flag("--create", {
    group: "what",
    text: "Create the destination as a regular file if it does not exist; let a file that is shorter than the source grow",
  });

  truncate = flag("--truncate", {
    group: "what",
    text: "Give a destination file the length of the source: cut it off, or let it grow; where --end leaves out the end, only cut it off",
  });

  sparse = flag("--sparse", {
    group: "what",
    text: "Write zeros as holes if the destination can have holes",
  });

  force = flag("--force", {
    group: "safety",
    text: "Write to a destination that is in use (mounted, held, locked or open elsewhere), and apply a delta to a destination that it was not made for",
  });

  lock = flag("--lock", {
    group: "safety",
    text: "Lock the destination (flock) while writing to it; fail with exit code 75 if it is locked already",
  });

  verify = valueOr("--verify", WHAT, "none", {
    group: "safety",
    text: "Read back from the disk at the end: written (the blocks that were written), full (everything, compared with the source's root digest) or none. Default: none",
  });

  archive = flag("-a,--archive", {
    group: "attributes",
    text: "The same as -t -p -o -g",
  });

  times = flag("-t,--times", {
    group: "attributes",
    text: "Copy the times of access and modification",
  });

  perms = flag("-p,--perms", {
    group: "attributes",
    text: "Copy the permissions",
  });

  owner = flag("-o,--owner", {
    group: "attributes",
    text: "Copy the owner, by name if the destination's host knows it",
  });

  group = flag("-g,--group", {
    group: "attributes",
    text: "Copy the group, by name if the destination's host knows it",
  });

  numericIds = flag("--numeric-ids", {
    group: "attributes",
    text: "Copy owner and group by number; with -o and -g",
  });

  /** Sets what `-a` stands for. */
  protected settleAttributes(): void {
    if (this.archive) {
      this.times = this.perms = this.owner = this.group = true;
    }
  }

  /** Options of a `save` of `file` that keeps its digests in `updateDigests`. */
  protected saving(
    file: string,
    image: FormatChoice,
    updateDigests: string | undefined,
  ): SaveOptions {
    const { force, create, lock, sparse, verify } = this;
    const { truncate, times, perms, owner, group, numericIds } = this;
    const carried = { truncate, times, perms, owner, group, numericIds };
    return { file, image, force, create, lock, sparse, verify, updateDigests, carried };
  }
}

/**
 * Refuses `--numeric-ids` if it would be ignored.
 *
 * @throws UsageError
 */
export function refuseNumericIds(
  command: Pick<DestinationCommand, "owner" | "group" | "numericIds">,
): void {
  if (command.numericIds && !command.owner && !command.group) {
    throw new UsageError(
      "--numeric-ids says how -o and -g copy owner and group, and neither is given",
      "add -o, -g or both, or leave it out",
    );
  }
}
