import { Command } from "clipanion";

import type { StageContext } from "../blocks/context.ts";
import { UsageError } from "../errors/copy-error.ts";
import { DEFAULT_DIGEST, DIGEST_NAMES } from "../protocol/digest.ts";
import { DEFAULT_BLOCK_SIZE } from "../protocol/limits.ts";
import type { ExtentList } from "../ranges/extents.ts";
import { adviseOnMissing } from "../stages/save/destination.ts";
import { checksumRoot } from "../stages/checksum/checksum-root.ts";
import { checksum } from "../stages/checksum/checksum.ts";
import type { CacheOptions } from "../stages/checksum/digest-options.ts";
import { onImage } from "../stages/image/on-image.ts";
import { isStandardInput } from "../transport/streams/standard-input.ts";
import { SIZE } from "./options/block-size.ts";
import { flag, operand, value } from "./options/declare.ts";
import { ALGORITHM, refuseUnreadable } from "./options/digest.ts";
import { refuseOnExport } from "./options/export.ts";
import { FORMAT, refuseOnImage } from "./options/format.ts";
import { fileHere, fileName, refuseHost } from "./options/file-name.ts";
import { OFFSET, refuseEmptyRange } from "./options/offset.ts";
import { RATE } from "./options/rate.ts";
import { rangesStream, readRanges } from "./options/ranges/read-range-map.ts";
import type { DataStream } from "./run/data-streams.ts";
import { runStage } from "./run/run-stage.ts";
import { StageCommand } from "./stage-command.ts";

/** `blockcopy checksum FILE` */
export class ChecksumCommand extends StageCommand {
  static override paths = [["checksum"]];

  static override usage = Command.Usage({
    description: "send the digests of the destination's blocks (first stage)",
    details: `
      Reads FILE, a regular file, a block device or an export of an NBD server (nbd://HOST/EXPORT), and writes the digest of each block to standard output. If FILE is \`-\`, it reads standard input.

      The digests are SHA3-512, which blockcopy 0.0.2 reads too. With \`--extended --digest blake3\` they are BLAKE3, which costs less CPU time. With \`--extended --block-size 4K\` a change of one byte costs a block of 4 KiB instead of 128 KiB, but there are 32 times as many digests to send.

      An OFFSET or a SIZE is a number of bytes, or has a suffix: K, M, G and T are powers of 1024, KB, MB, GB and TB are powers of 1000, \`s\` is a sector of 512 bytes.

      A range map (MAP) is a file, or \`-\` for standard input, with lines \`OFFSET LENGTH\` or with the output of \`thin_delta\`, \`nbdinfo --map --json\` or \`qemu-img map --output=json\`. Everything that the range map leaves out stays as it is in the destination.
    `,
    examples: [
      [
        "Make /dev/vg/copy equal to /dev/vg/disk of another host",
        "$0 checksum /dev/vg/copy | ssh root@host blockcopy retrieve /dev/vg/disk | $0 save /dev/vg/copy",
      ],
      ["Compare the first 10 GiB only", "$0 checksum /dev/vg/copy --end 10G > hashes"],
      [
        "Compare only what differs between two thin volumes; the copy is equal to the first",
        "thin_delta --metadata-snap --snap1 1 --snap2 2 /dev/mapper/vg-pool_tmeta | $0 checksum /dev/vg/copy --ranges - > hashes",
      ],
    ],
  });

  start = value("--start", OFFSET, { group: "what", text: "Start at this OFFSET" });

  end = value("--end", OFFSET, {
    group: "what",
    text: "Stop at this OFFSET; the rest of FILE stays as it is",
  });

  ranges = value("--ranges", fileHere("MAP"), {
    group: "what",
    text: "Compare only the ranges in this range map, in whole blocks",
  });

  format = value("--format", FORMAT, {
    group: "what",
    text: "Read the disk in FILE, an image of this format: qcow2, vmdk, vhdx, vdi, raw or auto. Default: raw",
  });

  create = flag("--create", {
    group: "what",
    text: "Treat a FILE that does not exist as an empty one, and leave its creation to `save --create`",
  });

  root = flag("--root", {
    group: "output",
    text: "Print one line with the root digest and the size of FILE, the same for equal content, and nothing else",
    isForTerminal: true,
  });

  extended = flag("--extended", {
    group: "output",
    text: "Start with a header that names the digest and the block size. blockcopy 0.0.2 cannot read it",
  });

  progress = flag("--progress", {
    group: "output",
    text: "Print progress on standard error even if it is not a terminal",
    isForTerminal: true,
  });

  digest = value("--digest", ALGORITHM, {
    group: "speed",
    text: `Digest of the blocks, with --extended: ${DIGEST_NAMES.join(" or ")}. Default: ${DEFAULT_DIGEST}`,
  });

  blockSize = value("--block-size", SIZE, {
    group: "speed",
    text: "Bytes per block, with --extended or --root: a power of two from 4K to 16M. Default: 128K",
  });

  cached = value("--cached", fileHere("DIGESTS"), {
    group: "speed",
    text: "Send the digests in this file, which `save --update-digests` keeps, instead of reading FILE; with --extended",
  });

  bwlimit = value("--bwlimit", RATE, {
    group: "speed",
    text: "Write at most RATE bytes per second, as 20M (K, M, G: powers of 1024)",
  });

  file = operand(fileName("FILE"));

  override execute(): Promise<never> {
    return runStage({
      name: "checksum",
      done: "read",
      verbose: this.wantsDetails,
      io: this.ioOf(this.file),
      progress: this.progress,
      patience: 0,
      events: this.embedded,
      streams: this.#streams(),
      printsResult: this.root,
      work: async (context) => {
        refuseHost("checksum", this.file);
        const refused = { "--create": this.create, "--cached": this.cached !== undefined };
        const { file, format } = this;
        const image = { format, option: "--format" } as const;
        refuseOnExport(file, refused);
        refuseOnImage(image, { ...refused, "--direct": this.direct === "on" });
        refuseEmptyRange(this);
        const use = { file, ...image, role: "source", writes: false, force: false } as const;
        return onImage(context, { ...use, isVerbose: this.wantsDetails }, () =>
          this.root
            ? this.#root(context).catch((error) => adviseOnMissing(error, "source"))
            : this.#checksum(context),
        );
      },
    });
  }

  #streams(): DataStream[] {
    const output = { fd: 1, name: "hash_output_stream", other: "blockcopy retrieve FILE" } as const;
    const input = { fd: 0, name: "FILE", other: "cat FILE" } as const;
    return [
      ...(isStandardInput(this.file) ? [input] : []),
      ...(this.root ? [] : [output]),
      ...rangesStream(this.ranges),
    ];
  }

  #root(context: StageContext): Promise<string | undefined> {
    const { file, digest = DEFAULT_DIGEST, blockSize = DEFAULT_BLOCK_SIZE } = this;
    refuseTogether("--root", this);
    if (this.bwlimit !== undefined) {
      throw new UsageError(
        "--bwlimit does not work with --root, which only prints a line",
        "leave one of them out",
      );
    }
    return checksumRoot(context, { file, hashing: { digest, blockSize } });
  }

  #checksum(context: StageContext): Promise<string | undefined> {
    const { file, start = 0, end, create, extended, cached, bwlimit: rate } = this;
    const { digest = DEFAULT_DIGEST, blockSize = DEFAULT_BLOCK_SIZE } = this;
    const hashing = { digest, blockSize };
    refuseUnreadable(hashing, { extended });
    const ranges = this.#ranges(context);
    const cache = cached === undefined ? undefined : this.#cache(cached);
    return checksum(context, { file, start, end, ranges, hashing, create, extended, cache, rate });
  }

  #cache(path: string): CacheOptions {
    if (!this.extended) {
      throw new UsageError("--cached only works with the extended stream", "add --extended");
    }
    refuseTogether("--cached", this);
    return { path, digest: this.digest, blockSize: this.blockSize };
  }

  /** Returns a function that reads the range map. It is called when FILE is open, so that a mistake in the command line shows first. */
  #ranges(context: StageContext): (() => Promise<ExtentList>) | undefined {
    const { ranges, file } = this;
    if (ranges === undefined) {
      return undefined;
    }
    if (this.start !== undefined || this.end !== undefined) {
      throw new UsageError(
        "--ranges cannot be used with --start or --end",
        "give a range map that only has this range: a line `OFFSET LENGTH`",
      );
    }
    if (isStandardInput(ranges) && isStandardInput(file)) {
      throw new UsageError(
        "FILE and the range map cannot both be standard input",
        "give the name of one of them",
      );
    }
    return () => readRanges(context, ranges, undefined);
  }
}

/**
 * Refuses the options that do not apply to a whole file.
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
        `${option} does not work with ${whole}, which is about the whole file`,
        "leave one of them out",
      );
    }
  }
}
