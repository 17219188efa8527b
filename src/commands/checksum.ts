import { Command, Option } from "clipanion";
import { DEFAULT_DIGEST, DIGEST_NAMES } from "../protocol/digest.ts";
import { checksum, checksumRoot } from "../stages/checksum.ts";
import { OptionError } from "../stages/context.ts";
import { isDigest, refuseUnreadable } from "./digest.ts";
import { isOffset } from "./offset.ts";
import { runStage } from "./run-stage.ts";
import { isFileName, StageCommand } from "./stage-command.ts";

/** `blockcopy checksum FILE` */
export class ChecksumCommand extends StageCommand {
  static override paths = [["checksum"]];

  static override usage = Command.Usage({
    description: "write the digests of the destination's blocks (first stage)",
    details: `
      Reads FILE, a regular file or block device, and writes the digest of each block of 128 KiB to standard output. \`-\` reads standard input.

      The digests are SHA3-512, which blockcopy 0.0.2 reads too. With \`--extended --digest blake3\` they are BLAKE3, which costs less CPU time.

      An OFFSET is a number of bytes, or has a suffix: K, M, G and T are powers of 1024, KB, MB, GB and TB powers of 1000, \`s\` is a sector of 512 bytes.
    `,
    examples: [
      [
        "Make /dev/vg/copy equal to /dev/vg/disk of another host",
        "$0 checksum /dev/vg/copy | ssh root@host blockcopy retrieve /dev/vg/disk | $0 save /dev/vg/copy",
      ],
      ["Look at the first 10 GiB only", "$0 checksum /dev/vg/copy --end 10G > hashes"],
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

  create = Option.Boolean("--create", false, {
    description: "Take a FILE that is missing for an empty one, which `save --create` makes",
  });

  extended = Option.Boolean("--extended", false, {
    description: "Begin with a header that names the digest; blockcopy 0.0.2 cannot read it",
  });

  digest = Option.String("--digest", DEFAULT_DIGEST, {
    description: `Digest of the blocks, with --extended: ${DIGEST_NAMES.join(" or ")}; ${DEFAULT_DIGEST} unless given`,
    validator: isDigest,
  });

  root = Option.Boolean("--root", false, {
    description:
      "Print one line that is the same for all that have the same content, and nothing else",
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
      streams: this.root
        ? []
        : [{ fd: 1, name: "hash_output_stream", other: "blockcopy retrieve FILE" }],
      work: async (context) => {
        const start = this.start ?? 0;
        if (this.end !== undefined && this.end <= start) {
          throw new OptionError(
            `--end ${this.end} does not lie behind --start ${start}`,
            "give a range that is not empty",
          );
        }
        const { file, end, digest, create, extended } = this;
        if (this.root) {
          refuseParts(this);
          return checksumRoot(context, { file, digest });
        }
        refuseUnreadable(digest, extended);
        return checksum(context, { file, start, end, digest, create, extended });
      },
    });
  }
}

/**
 * A root is of all the content, and goes to no other stage.
 *
 * @throws OptionError
 */
function refuseParts({ start, end, extended }: ChecksumCommand): void {
  const options = {
    "--start": start !== undefined,
    "--end": end !== undefined,
    "--extended": extended,
  };
  for (const [option, given] of Object.entries(options)) {
    if (given) {
      throw new OptionError(
        `${option} is not for --root, which is of all of a file`,
        `leave one of them out`,
      );
    }
  }
}
