import { Command, Option } from "clipanion";

import { retrieve } from "../stages/retrieve.ts";
import { wantsExactWire } from "./environment.ts";
import { runStage } from "./run-stage.ts";
import { isFileName, refuseStandardInput, StageCommand } from "./stage-command.ts";

/** `blockcopy retrieve FILE` */
export class RetrieveCommand extends StageCommand {
  static override paths = [["retrieve"]];

  static override usage = Command.Usage({
    description: "write the source's blocks that differ (second stage)",
    details: `
      Reads the digests of the destination's blocks from standard input, compares them with FILE, a regular file or block device, and writes the blocks that differ to standard output.
    `,
    examples: [
      [
        "Make /dev/vg/copy of another host equal to /dev/vg/disk",
        "ssh root@host blockcopy checksum /dev/vg/copy | $0 retrieve /dev/vg/disk | ssh root@host blockcopy save /dev/vg/copy",
      ],
      ["Compress what is sent", "$0 retrieve --lzma /dev/vg/disk < hashes > blocks"],
    ],
  });

  lzma = Option.Boolean("--lzma", false, {
    description: "Compress each block in the .xz format where that makes it smaller",
  });

  file = Option.String({ name: "FILE", validator: isFileName });

  override execute(): Promise<never> {
    return runStage({
      name: "retrieve",
      done: "compared",
      verbose: this.wantsDetails,
      io: this.io,
      progress: false,
      patience: 1000,
      streams: [
        { fd: 0, name: "hash_input_stream", other: "blockcopy checksum FILE" },
        { fd: 1, name: "block_output_stream", other: "blockcopy save FILE" },
      ],
      work: async (context) => {
        refuseStandardInput(this.file);
        const options = { file: this.file, lzma: this.lzma, exactWire: wantsExactWire() };
        return retrieve(context, options);
      },
    });
  }
}
