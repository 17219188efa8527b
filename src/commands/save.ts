import { Command, Option } from "clipanion";

import { save } from "../stages/save.ts";
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
    description: "Write to a device even when it is mounted or held",
  });

  sparse = Option.Boolean("--sparse", false, {
    description: "Make holes of the zeros that are written, where the destination can have any",
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
        const { file, force, sparse } = this;
        return save(context, { file, force, sparse });
      },
    });
  }
}
