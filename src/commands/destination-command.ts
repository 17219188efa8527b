import { Option } from "clipanion";

import type { SaveOptions } from "../stages/save.ts";
import { isOneOf } from "./one-of.ts";
import { isFileName, StageCommand } from "./stage-command.ts";

/** What the commands that write to a file or device have in common. */
export abstract class DestinationCommand extends StageCommand {
  force = Option.Boolean("--force", false, {
    description:
      "Write to a device even when it is mounted or held, and a delta to what it was not made for",
  });

  sparse = Option.Boolean("--sparse", false, {
    description: "Make holes of the zeros that are written, where the destination can have any",
  });

  create = Option.Boolean("--create", false, {
    description: "Make FILE, a regular file, if it is missing",
  });

  truncate = Option.Boolean("--truncate", false, {
    description: "Cut FILE off where the source ends",
  });

  times = Option.Boolean("-t,--times", false, {
    description: "Give FILE the times of access and change of the source",
  });

  perms = Option.Boolean("-p,--perms", false, {
    description: "Give FILE the permissions of the source",
  });

  owner = Option.Boolean("-o,--owner", false, {
    description: "Give FILE the owner of the source, by name where this host knows it",
  });

  group = Option.Boolean("-g,--group", false, {
    description: "Give FILE the group of the source, by name where this host knows it",
  });

  numericIds = Option.Boolean("--numeric-ids", false, {
    description: "Take owner and group by number, with -o and -g",
  });

  verify = Option.String("--verify", "none", {
    description:
      "Read back from the disk at the end: what was written, or all (full), which is compared with the source's root digest",
    validator: isOneOf(["none", "written", "full"]),
  });

  updateDigests = Option.String("--update-digests", {
    description: "Keep the digests of FILE in this file, for `checksum --cached`",
    validator: isFileName,
  });

  /** How `file` is written. */
  protected saving(file: string): SaveOptions {
    const { force, create, sparse, verify, updateDigests } = this;
    const { truncate, times, perms, owner, group, numericIds } = this;
    const carried = { truncate, times, perms, owner, group, numericIds };
    return { file, force, create, sparse, verify, updateDigests, carried };
  }
}
