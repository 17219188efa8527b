import { Option } from "clipanion";

import { decodedName } from "../native/names.ts";
import { DEFAULT_DIGEST } from "../protocol/digest.ts";
import { DEFAULT_BLOCK_SIZE } from "../protocol/limits.ts";
import { readPreface } from "../ranges/preface.ts";
import { receive, rehearse } from "../stages/receive.ts";
import { isBlockSizeOption } from "./options/block-size.ts";
import { DestinationCommand } from "./destination-command.ts";
import { isDigest } from "./options/digest.ts";
import { fileOf, isEncodedName } from "./options/encoded-file.ts";
import { isOneOf } from "./options/one-of.ts";
import { isOffset } from "./options/offset.ts";
import { isPart } from "./options/part.ts";
import { isRate } from "./options/rate.ts";
import { runStage } from "./run-stage.ts";
import { isFileName, refuseStandardInput } from "./options/file-name.ts";
import { isWire } from "./options/wire.ts";

/** Where both ends are this program: as sound as SHA3-512 for telling blocks apart, at a fraction of its CPU time. */
const OWN_DIGEST = "blake3";

/** `blockcopy receive FILE`: what `sync` runs where its destination is. Not for people, so it is in no help. */
export class ReceiveCommand extends DestinationCommand {
  static override paths = [["receive"]];

  start = Option.String("--start", { validator: isOffset });

  end = Option.String("--end", { validator: isOffset });

  digest = Option.String("--digest", { validator: isDigest });

  blockSize = Option.String("--block-size", { validator: isBlockSizeOption });

  digestCache = Option.String("--digest-cache", { validator: isFileName });

  sizes = Option.String("--sizes", "any", {
    validator: isOneOf(["same", "new", "larger", "any"]),
  });

  part = Option.String("--part", { validator: isPart });

  hold = Option.Boolean("--hold", false);

  bwlimit = Option.String("--bwlimit", { validator: isRate });

  /** A list of ranges comes before the block stream. */
  preface = Option.Boolean("--preface", false);

  /** Only read, and say what FILE is before its digests. */
  rootFirst = Option.Boolean("--root-first", false);

  dryRun = Option.Boolean("--dry-run", false);

  wire = Option.String("--wire", { validator: isWire });

  /** The same as --digest-cache, encoded. */
  encodedDigestCache = Option.String("--encoded-digest-cache", { validator: isEncodedName });

  /** FILE is encoded, as `sync` hands over a name that a shell might change. */
  encoded = Option.Boolean("--encoded", false);

  /** The home folder that FILE begins in, if that is encoded. */
  home = Option.String("--home", { validator: isFileName });

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
        const file = fileOf(this);
        refuseStandardInput(file);
        const { digest, blockSize, dryRun, rootFirst } = this;
        const digestCache = this.#digestCache();
        return (dryRun || rootFirst ? rehearse : receive)(context, {
          ...this.saving(file, digestCache),
          hold: this.hold,
          part: this.part,
          sizes: this.sizes,
          start: this.start ?? 0,
          end: this.end,
          ranges: this.preface ? () => readPreface(context.native) : undefined,
          rate: this.bwlimit,
          rootFirst,
          hashing: {
            digest: digest ?? (this.wire === undefined ? OWN_DIGEST : DEFAULT_DIGEST),
            blockSize: blockSize ?? DEFAULT_BLOCK_SIZE,
          },
          plain: this.wire !== undefined,
          cache: digestCache === undefined ? undefined : { path: digestCache, digest, blockSize },
        });
      },
    });
  }

  /** The digest cache, whichever of the two options named it. */
  #digestCache(): string | undefined {
    const encoded = this.encodedDigestCache;
    return encoded === undefined ? this.digestCache : decodedName(encoded);
  }
}
