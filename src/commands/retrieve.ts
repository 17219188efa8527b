import { Command, Option } from "clipanion";

import type { Compress } from "../stages/compression.ts";
import { OptionError } from "../stages/context.ts";
import { retrieve } from "../stages/retrieve.ts";
import { isCompress, parseCompress } from "./compress.ts";
import { wantsExactWire } from "./environment.ts";
import { isOneOf } from "./one-of.ts";
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
      ["Compress what is sent", "$0 retrieve --compress zstd /dev/vg/disk < hashes > blocks"],
    ],
  });

  compress = Option.String("--compress", {
    description:
      "Compress each block where that makes it smaller: none, lz4, zstd[:LEVEL] (1 to 19), lzma[:LEVEL] (0 to 9) or auto; lz4 and zstd need `checksum --extended`",
    validator: isCompress,
  });

  lzma = Option.Boolean("--lzma", false, { description: "The same as --compress lzma" });

  /** For `sync`, which has started it. */
  events = Option.Boolean("--events", false, { hidden: true });

  sizes = Option.String("--sizes", "any", {
    hidden: true,
    validator: isOneOf(["same", "new", "larger", "any"]),
  });

  whole = Option.Boolean("--whole", false, { hidden: true });

  dryRun = Option.Boolean("--dry-run", false, { hidden: true });

  file = Option.String({ name: "FILE", validator: isFileName });

  override execute(): Promise<never> {
    return runStage({
      name: "retrieve",
      done: "compared",
      verbose: this.wantsDetails,
      io: this.io,
      progress: false,
      patience: 1000,
      events: this.events,
      streams: [
        { fd: 0, name: "hash_input_stream", other: "blockcopy checksum FILE" },
        { fd: 1, name: "block_output_stream", other: "blockcopy save FILE" },
      ],
      work: async (context) => {
        refuseStandardInput(this.file);
        const exactWire = wantsExactWire();
        return retrieve(context, {
          file: this.file,
          compress: this.#compression(),
          exactWire,
          sizes: this.sizes,
          whole: this.whole,
          dryRun: this.dryRun,
        });
      },
    });
  }

  /** What the two options say together. */
  #compression(): Compress {
    if (this.lzma && this.compress !== undefined) {
      throw new OptionError("--lzma and --compress say the same", "leave one of them out");
    }
    const named = this.compress === undefined ? undefined : parseCompress(this.compress);
    return named ?? { method: this.lzma ? "lzma" : "none", level: undefined };
  }
}
