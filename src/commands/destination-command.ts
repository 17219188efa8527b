import { Option } from "clipanion";

import type { SaveOptions } from "../stages/save/save.ts";
import { isOneOf } from "./options/one-of.ts";
import { StageCommand } from "./stage-command.ts";

/** What the commands that write to a file or device have in common. */
export abstract class DestinationCommand extends StageCommand {
  force = Option.Boolean("--force", false, {
    description:
      "Write to what is in use (mounted, held, locked or open elsewhere), and a delta to what it was not made for",
  });

  lock = Option.Boolean("--lock", false, {
    description:
      "Lock the destination (flock) while it is written to; end with code 75 if somebody else has locked it",
  });

  sparse = Option.Boolean("--sparse", false, {
    description: "Make holes of the zeros that are written, where the destination can have any",
  });

  create = Option.Boolean("--create", false, {
    description: "Make the destination, a regular file, if it is missing",
  });

  truncate = Option.Boolean("--truncate", false, {
    description: "Cut the destination off where the source ends",
  });

  times = Option.Boolean("-t,--times", false, {
    description: "Give the destination the times of access and change of the source",
  });

  perms = Option.Boolean("-p,--perms", false, {
    description: "Give the destination the permissions of the source",
  });

  owner = Option.Boolean("-o,--owner", false, {
    description: "Give the destination the owner of the source, by name where its host knows it",
  });

  group = Option.Boolean("-g,--group", false, {
    description: "Give the destination the group of the source, by name where its host knows it",
  });

  numericIds = Option.Boolean("--numeric-ids", false, {
    description: "Take owner and group by number, with -o and -g",
  });

  verify = Option.String("--verify", "none", {
    description:
      "Read back from the disk at the end: what was written, or all (full), which is compared with the source's root digest",
    validator: isOneOf(["none", "written", "full"]),
  });

  /** How `file` is written, and where its digests are kept. */
  protected saving(file: string, updateDigests: string | undefined): SaveOptions {
    const { force, create, lock, sparse, verify } = this;
    const { truncate, times, perms, owner, group, numericIds } = this;
    const carried = { truncate, times, perms, owner, group, numericIds };
    return { file, force, create, lock, sparse, verify, updateDigests, carried };
  }
}
