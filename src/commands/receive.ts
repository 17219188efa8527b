import { Option } from "clipanion";

import { DEFAULT_DIGEST } from "../protocol/digest.ts";
import { DEFAULT_BLOCK_SIZE } from "../protocol/limits.ts";
import { receive, rehearse } from "../stages/receive.ts";
import { isBlockSizeOption } from "./block-size.ts";
import { DestinationCommand } from "./destination-command.ts";
import { isDigest } from "./digest.ts";
import { isOffset } from "./offset.ts";
import { runStage } from "./run-stage.ts";
import { isFileName, refuseStandardInput } from "./stage-command.ts";

/** `blockcopy receive FILE`: what `sync` runs where its destination is. Not for people, so it is in no help. */
export class ReceiveCommand extends DestinationCommand {
  static override paths = [["receive"]];

  start = Option.String("--start", { validator: isOffset });

  end = Option.String("--end", { validator: isOffset });

  digest = Option.String("--digest", { validator: isDigest });

  blockSize = Option.String("--block-size", { validator: isBlockSizeOption });

  cached = Option.String("--cached", { validator: isFileName });

  dryRun = Option.Boolean("--dry-run", false);

  file = Option.String({ name: "FILE", validator: isFileName });

  override execute(): Promise<never> {
    return runStage({
      name: "receive",
      done: "read",
      verbose: this.wantsDetails,
      io: this.io,
      progress: false,
      patience: 0,
      events: true,
      streams: [
        { fd: 0, name: "block_input_stream", other: "blockcopy retrieve FILE" },
        { fd: 1, name: "hash_output_stream", other: "blockcopy retrieve FILE" },
      ],
      work: async (context) => {
        refuseStandardInput(this.file);
        const { digest, blockSize, cached, dryRun } = this;
        return (dryRun ? rehearse : receive)(context, {
          ...this.saving(this.file),
          start: this.start ?? 0,
          end: this.end,
          ranges: undefined,
          hashing: {
            digest: digest ?? DEFAULT_DIGEST,
            blockSize: blockSize ?? DEFAULT_BLOCK_SIZE,
          },
          cache: cached === undefined ? undefined : { path: cached, digest, blockSize },
        });
      },
    });
  }
}
