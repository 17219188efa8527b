import { UsageError } from "../errors/copy-error.ts";
import { Command, Option } from "clipanion";
import { DEFAULT_DIGEST, DIGEST_NAMES } from "../protocol/digest.ts";
import { DEFAULT_BLOCK_SIZE } from "../protocol/limits.ts";
import { checksumRoot } from "../stages/checksum/checksum-root.ts";
import { checksum } from "../stages/checksum/checksum.ts";
import type { StageContext } from "../blocks/context.ts";
import type { Extent } from "../ranges/extents.ts";
import type { CacheOptions } from "../stages/checksum/send-digests.ts";
import { isStandardInput } from "../transport/streams/standard-input.ts";
import { isBlockSizeOption } from "./options/block-size.ts";
import { isDigest, refuseUnreadable } from "./options/digest.ts";
import { isOffset, refuseEmptyRange } from "./options/offset.ts";
import { isRate } from "./options/rate.ts";
import { readMap } from "./options/read-map.ts";
import { runStage } from "./run-stage.ts";
import { isFileHere, isFileName, refuseHost } from "./options/file-name.ts";
import { StageCommand } from "./stage-command.ts";

/** `blockcopy checksum FILE` */
export class ChecksumCommand extends StageCommand {
  static override paths = [["checksum"]];

  static override usage = Command.Usage({
    description: "write the digests of the destination's blocks (first stage)",
    details: `
      Reads FILE, a regular file or block device, and writes the digest of each block to standard output. \`-\` reads standard input.

      The digests are SHA3-512, which blockcopy 0.0.2 reads too. With \`--extended --digest blake3\` they are BLAKE3, which costs less CPU time. With \`--extended --block-size 4K\` a change of one byte costs a block of 4 KiB, not of 128; the digests are then many, and have to be sent too.

      An OFFSET or a SIZE is a number of bytes, or has a suffix: K, M, G and T are powers of 1024, KB, MB, GB and TB powers of 1000, \`s\` is a sector of 512 bytes.

      A MAP is a file, or \`-\` for standard input, with lines \`OFFSET LENGTH\`, or with what \`thin_delta\`, \`nbdinfo --map --json\` or \`qemu-img map --output=json\` prints. What it leaves out stays as the destination has it.
    `,
    examples: [
      [
        "Make /dev/vg/copy equal to /dev/vg/disk of another host",
        "$0 checksum /dev/vg/copy | ssh root@host blockcopy retrieve /dev/vg/disk | $0 save /dev/vg/copy",
      ],
      ["Look at the first 10 GiB only", "$0 checksum /dev/vg/copy --end 10G > hashes"],
      [
        "Look only at what differs between two thin volumes, of which the copy has the first",
        "thin_delta --metadata-snap --snap1 1 --snap2 2 /dev/mapper/vg-pool_tmeta | $0 checksum /dev/vg/copy --ranges - > hashes",
      ],
    ],
  });

  start = Option.String("--start", {
    description: "Begin at this OFFSET",
    validator: isOffset,
  });

  end = Option.String("--end", {
    description: "End at this OFFSET; what follows is left alone",
    validator: isOffset,
  });

  ranges = Option.String("--ranges", {
    description: "Look only at the ranges that this MAP has, in whole blocks",
    validator: isFileHere,
  });

  create = Option.Boolean("--create", false, {
    description: "Take a FILE that is missing for an empty one, which `save --create` makes",
  });

  extended = Option.Boolean("--extended", false, {
    description:
      "Begin with a header that names the digest and the block size; blockcopy 0.0.2 cannot read it",
  });

  cached = Option.String("--cached", {
    description:
      "Send the digests that this file has, which `save --update-digests` keeps, instead of reading FILE; with --extended",
    validator: isFileHere,
  });

  digest = Option.String("--digest", {
    description: `Digest of the blocks, with --extended: ${DIGEST_NAMES.join(" or ")}; ${DEFAULT_DIGEST} unless given`,
    validator: isDigest,
  });

  blockSize = Option.String("--block-size", {
    description:
      "Bytes in a block, with --extended or --root: a SIZE that is a power of two from 4K to 16M; 128K unless given",
    validator: isBlockSizeOption,
  });

  root = Option.Boolean("--root", false, {
    description:
      "Print one line that is the same for all that have the same content, and nothing else",
  });

  bwlimit = Option.String("--bwlimit", {
    description: "Write no more than this RATE of bytes a second, as 20M (K, M, G: of 1024)",
    validator: isRate,
  });

  progress = Option.Boolean("--progress", false, {
    description: "Report progress on standard error also where it is no terminal",
  });

  file = Option.String({ name: "FILE", validator: isFileName });

  override execute(): Promise<never> {
    return runStage({
      name: "checksum",
      done: "read",
      verbose: this.wantsDetails,
      io: this.io,
      progress: this.progress,
      patience: 0,
      streams: [
        ...(this.root
          ? []
          : [{ fd: 1 as const, name: "hash_output_stream", other: "blockcopy retrieve FILE" }]),
        ...(this.ranges !== undefined && isStandardInput(this.ranges)
          ? [{ fd: 0 as const, name: "the map", other: "thin_delta ..." }]
          : []),
      ],
      work: async (context) => {
        refuseHost("checksum", this.file);
        refuseEmptyRange(this);
        const start = this.start ?? 0;
        const { file, end, create, extended, cached } = this;
        const { digest = DEFAULT_DIGEST, blockSize = DEFAULT_BLOCK_SIZE } = this;
        const hashing = { digest, blockSize };
        if (this.root) {
          refuseTogether("--root", this);
          if (this.bwlimit !== undefined) {
            throw new UsageError(
              "--bwlimit is not for --root, which only prints a line",
              "leave one of them out",
            );
          }
          return checksumRoot(context, { file, hashing });
        }
        refuseUnreadable(hashing, extended);
        const ranges = this.#rangesOf(context);
        const cache = cached === undefined ? undefined : this.#cache(cached);
        return checksum(context, {
          file,
          start,
          end,
          ranges,
          hashing,
          create,
          extended,
          cache,
          rate: this.bwlimit,
        });
      },
    });
  }

  /** What is asked of the digests that are kept. */
  #cache(path: string): CacheOptions {
    if (!this.extended) {
      throw new UsageError("--cached is only for the extended stream", "add --extended");
    }
    refuseTogether("--cached", this);
    return { path, digest: this.digest, blockSize: this.blockSize };
  }

  /** How to read the map, once the file is there: until then a mistake in the rest of the command line shows first. */
  #rangesOf(context: StageContext): (() => Promise<Extent[]>) | undefined {
    const { ranges, file } = this;
    if (ranges === undefined) {
      return undefined;
    }
    if (this.start !== undefined || this.end !== undefined) {
      throw new UsageError(
        "--ranges cannot be used with --start or --end",
        "give a map that has the range alone: a line `OFFSET LENGTH`",
      );
    }
    if (isStandardInput(ranges) && isStandardInput(file)) {
      throw new UsageError(
        "FILE and the map cannot both be standard input",
        "give the name of one of them",
      );
    }
    return () => readMap(context, ranges);
  }
}

/**
 * Refuses the options that are not for what is of all the content.
 *
 * @throws UsageError
 */
function refuseTogether(whole: "--root" | "--cached", command: ChecksumCommand): void {
  const { start, end, ranges, extended, cached, create } = command;
  const options = {
    "--start": start !== undefined,
    "--end": end !== undefined,
    "--ranges": ranges !== undefined,
    "--extended": extended && whole === "--root",
    "--create": create && whole === "--root",
    "--cached": cached !== undefined && whole === "--root",
  };
  for (const [option, given] of Object.entries(options)) {
    if (given) {
      throw new UsageError(
        `${option} is not for ${whole}, which is of all of a file`,
        `leave one of them out`,
      );
    }
  }
}
