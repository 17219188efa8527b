import { UsageError } from "../errors/copy-error.ts";
import { Command, Option } from "clipanion";

import { save } from "../stages/save/save.ts";
import { DestinationCommand } from "./destination-command.ts";
import { runStage } from "./run-stage.ts";
import { isFileHere, isFileName, refuseHost, refuseStandardInput } from "./options/file-name.ts";

/** `blockcopy save FILE` */
export class SaveCommand extends DestinationCommand {
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

  updateDigests = Option.String("--update-digests", {
    description: "Keep the digests of FILE in this file, for `checksum --cached`",
    validator: isFileHere,
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
        refuseHost("save", this.file);
        if (this.numericIds && !this.owner && !this.group) {
          throw new UsageError(
            "--numeric-ids says how -o and -g take owner and group, and neither is given",
            "add -o, -g or both, or leave it out",
          );
        }
        return save(context, this.saving(this.file, this.updateDigests));
      },
    });
  }
}
