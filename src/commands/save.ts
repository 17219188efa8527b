import { Command, Option } from "clipanion";

import { save } from "../stages/save.ts";
import { isOneOf } from "./one-of.ts";
import { runStage } from "./run-stage.ts";
import { isFileName, refuseStandardInput, StageCommand } from "./stage-command.ts";

/** `blockcopy save FILE` */
export class SaveCommand extends StageCommand {
  static override paths = [["save"]];

  static override usage = Command.Usage({
    description: "write the blocks to the destination (third stage)",
    details: `
      Reads blocks from standard input and writes them to FILE, an existing regular file or block device. Succeeds only when they are on the disk.

      A device that is mounted, or held by another device or process, is refused.

      What FILE gets beside its content (\`-t -p -o -g\`, \`--truncate\`) and what \`--verify=full\` compares with comes from \`blockcopy retrieve\`, at the end of its stream; blockcopy 0.0.2 does not send it.
    `,
    examples: [
      [
        "Make /dev/vg/copy equal to /dev/vg/disk of another host",
        "$0 checksum /dev/vg/copy | ssh root@host blockcopy retrieve /dev/vg/disk | $0 save /dev/vg/copy",
      ],
      ["Write blocks that were kept in a file", "$0 save /dev/vg/copy < blocks"],
    ],
  });

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

  file = Option.String({ name: "FILE", validator: isFileName });

  override execute(): Promise<never> {
    return runStage({
      name: "save",
      done: "written to the disk",
      verbose: this.wantsDetails,
      io: this.io,
      progress: false,
      patience: 2000,
      streams: [{ fd: 0, name: "block_input_stream", other: "blockcopy retrieve FILE" }],
      work: async (context) => {
        refuseStandardInput(this.file);
        const { file, force, create, sparse, verify, updateDigests } = this;
        const { truncate, times, perms, owner, group, numericIds } = this;
        const carried = { truncate, times, perms, owner, group, numericIds };
        return save(context, { file, force, create, sparse, verify, updateDigests, carried });
      },
    });
  }
}
