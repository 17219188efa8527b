import { Command, Option } from "clipanion";

import { syncLocal } from "../sync/local.ts";
import { runStage } from "./run-stage.ts";
import { isFileName, refuseStandardInput, StageCommand } from "./stage-command.ts";

/** `blockcopy sync SOURCE DESTINATION` */
export class SyncCommand extends StageCommand {
  static override paths = [["sync"]];

  static override usage = Command.Usage({
    description: "make a file or device equal to another one on the same machine",
    details: `
      Reads SOURCE and DESTINATION, regular files or block devices of the same size, and writes the blocks of 128 KiB that differ to DESTINATION. Succeeds only when they are on the disk.

      A device that is mounted, or held by another device or process, is refused as DESTINATION. A virtual machine that is running on a file is not noticed: stop it, or copy a snapshot.
    `,
    examples: [
      ["Make /dev/vg/copy equal to /dev/vg/disk", "$0 sync /dev/vg/disk /dev/vg/copy"],
      ["The same with files, where zeros become holes", "$0 sync --sparse disk.img copy.img"],
    ],
  });

  force = Option.Boolean("--force", false, {
    description: "Write to a device even when it is mounted or held",
  });

  sparse = Option.Boolean("--sparse", false, {
    description: "Make holes of the zeros that are written, where the destination can have any",
  });

  progress = Option.Boolean("--progress", false, {
    description: "Report progress on standard error also where it is no terminal",
  });

  source = Option.String({ name: "SOURCE", validator: isFileName });

  destination = Option.String({ name: "DESTINATION", validator: isFileName });

  override execute(): Promise<never> {
    return runStage({
      name: "sync",
      done: "compared",
      verbose: this.wantsDetails,
      io: this.io,
      progress: this.progress,
      patience: 0,
      streams: [],
      work: async (context) => {
        refuseStandardInput(this.source);
        refuseStandardInput(this.destination);
        const { source, destination, force, sparse } = this;
        return syncLocal(context, { source, destination, force, sparse });
      },
    });
  }
}
