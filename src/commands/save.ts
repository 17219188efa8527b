import { Command } from "clipanion";

import { attributeOptions } from "../stages/save/metadata.ts";
import { save } from "../stages/save/save.ts";
import { onImage } from "../stages/image/on-image.ts";
import { DestinationCommand, refuseNumericIds } from "./destination-command.ts";
import { operand, value } from "./options/declare.ts";
import { refuseOnExport } from "./options/export.ts";
import { FORMAT, refuseOnImage } from "./options/format.ts";
import { fileHere, fileName, refuseHost, refuseStandardInput } from "./options/file-name.ts";
import { runStage } from "./run/run-stage.ts";

/** `blockcopy save FILE` */
export class SaveCommand extends DestinationCommand {
  static override paths = [["save"]];

  static override usage = Command.Usage({
    description: "write the blocks to the destination (third stage)",
    details: `
      Reads a block stream from standard input and writes its blocks to FILE, an existing regular file or block device, or an export of an NBD server. Succeeds only when they are on the disk.

      A device that is mounted, or held by another device or process, is refused.

      The attributes (\`-a -t -p -o -g\`), the length for \`--truncate\` and the digest for \`--verify=full\` come from \`blockcopy retrieve\`, at the end of the block stream. blockcopy 0.0.2 does not send them.
    `,
    examples: [
      [
        "Make /dev/vg/copy equal to /dev/vg/disk of another host",
        "$0 checksum /dev/vg/copy | ssh root@host blockcopy retrieve /dev/vg/disk | $0 save /dev/vg/copy",
      ],
      ["Write blocks that were kept in a file", "$0 save /dev/vg/copy < blocks"],
    ],
  });

  format = value("--format", FORMAT, {
    group: "what",
    text: "Write to the disk in FILE, an image of this format: qcow2, vmdk, vhdx, vdi, raw or auto. Default: raw",
  });

  updateDigests = value("--update-digests", fileHere("DIGESTS"), {
    group: "speed",
    text: "Keep the digests of FILE in this file, for `checksum --cached`",
  });

  file = operand(fileName("FILE"));

  override execute(): Promise<never> {
    return runStage({
      name: "save",
      done: "written to the disk",
      verbose: this.wantsDetails,
      io: this.ioOf(this.file),
      progress: false,
      patience: 2000,
      events: this.embedded,
      streams: [{ fd: 0, name: "block_input_stream", other: "blockcopy retrieve FILE" }],
      work: async (context) => {
        refuseStandardInput(this.file);
        refuseHost("save", this.file);
        this.settleAttributes();
        refuseNumericIds(this);
        const refused = {
          ...attributeOptions(this),
          "--create": this.create,
          "--lock": this.lock,
          "--update-digests": this.updateDigests !== undefined,
        };
        const { file, format, force } = this;
        const image = { format, option: "--format" } as const;
        refuseOnExport(file, refused);
        refuseOnImage(image, { ...refused, "--direct": this.direct === "on" });
        const use = { file, ...image, role: "destination", writes: true, force } as const;
        return onImage(context, { ...use, isVerbose: this.wantsDetails }, () =>
          save(context, this.saving(file, image, this.updateDigests)),
        );
      },
    });
  }
}
