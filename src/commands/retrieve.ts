import { UsageError } from "../errors/copy-error.ts";
import { Command, Option } from "clipanion";

import type { Compress } from "../stages/retrieve/compression.ts";
import type { StageContext } from "../blocks/context.ts";
import { retrieve } from "../stages/retrieve/retrieve.ts";
import { isCompress, parseCompress } from "./options/compress.ts";
import { wantsExactWire } from "../process/environment.ts";
import { fileOf } from "./options/encoded-file.ts";
import { isOneOf } from "./options/one-of.ts";
import { isOffset } from "./options/offset.ts";
import { isRate } from "./options/rate.ts";
import { runStage } from "./run-stage.ts";
import { isFileName, refuseHost, refuseStandardInput } from "./options/file-name.ts";
import { StageCommand } from "./stage-command.ts";
import { isWire } from "./options/wire.ts";

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

  bwlimit = Option.String("--bwlimit", {
    description: "Write no more than this RATE of bytes a second, as 20M (K, M, G: of 1024)",
    validator: isRate,
  });

  /** For `sync`, which has started it. */
  events = Option.Boolean("--events", false, { hidden: true });

  sizes = Option.String("--sizes", "any", {
    hidden: true,
    validator: isOneOf(["same", "new", "larger", "any"]),
  });

  needsStart = Option.String("--needs-start", { hidden: true, validator: isOffset });

  needsEnd = Option.String("--needs-end", { hidden: true, validator: isOffset });

  whole = Option.Boolean("--whole", false, { hidden: true });

  dryRun = Option.Boolean("--dry-run", false, { hidden: true });

  wire = Option.String("--wire", { hidden: true, validator: isWire });

  map = Option.Boolean("--map", false, { hidden: true });

  /** FILE is encoded, as `sync` hands over a name that a shell might change. */
  encoded = Option.Boolean("--encoded", false, { hidden: true });

  /** The home folder that FILE begins in, if that is encoded. */
  home = Option.String("--home", { hidden: true, validator: isFileName });

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
        const file = fileOf(this);
        refuseStandardInput(file);
        if (!this.events) {
          refuseHost("retrieve", this.file);
        }
        const exactWire = wantsExactWire() || this.wire !== undefined;
        return retrieve(context, {
          file,
          compress: this.#compression(),
          exactWire,
          sizes: this.sizes,
          needs: { start: this.needsStart, end: this.needsEnd },
          whole: this.whole,
          dryRun: this.dryRun,
          inUse: this.#inUse(context),
          rate: this.bwlimit,
          map: this.map,
          // `sync` has started a stage of this program at the other end too, unless it says otherwise.
          sealed: this.events && this.wire === undefined,
        });
      },
    });
  }

  /** Whoever runs it from cron expects no word from a stage that succeeds. */
  #inUse({ warn, debug }: StageContext): ((message: string) => void) | undefined {
    if (this.events) {
      return warn;
    }
    return this.wantsDetails ? debug : undefined;
  }

  /** What the two options say together. */
  #compression(): Compress {
    if (this.lzma && this.compress !== undefined) {
      throw new UsageError("--lzma and --compress say the same", "leave one of them out");
    }
    const named = this.compress === undefined ? undefined : parseCompress(this.compress);
    return named ?? { method: this.lzma ? "lzma" : "none", level: undefined };
  }
}
