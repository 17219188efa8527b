import { UsageError } from "../../errors/copy-error.ts";
import { DEFAULT_DIGEST } from "../../protocol/digest.ts";
import { DEFAULT_BLOCK_SIZE } from "../../protocol/limits.ts";
import { attributeOptions } from "../../stages/save/metadata.ts";
import type { Endpoint } from "../connection/endpoint.ts";
import type { CopyOptions } from "../stage-arguments.ts";

/** Options, each true if its value is not supported. */
type Unsupported = Readonly<Record<string, boolean>>;

/**
 * Refuses options that blockcopy 0.0.2 does not have. Options that only concern the stage on this host are allowed.
 *
 * @throws UsageError
 */
export function refuseForLegacy(copy: CopyOptions, source: Endpoint, destination: Endpoint): void {
  refuse(always(copy), "blockcopy 0.0.2 does not know it");
  if (destination.kind === "remote") {
    refuse(ofDestination(copy), "blockcopy 0.0.2 writes the destination");
  }
  if (source.kind === "remote") {
    refuse({ "--dry-run": copy.dryRun }, "blockcopy 0.0.2 at the source always sends the blocks");
    refuse({ "--snapshot": copy.snapshot !== "none" }, "blockcopy 0.0.2 at the source has none");
    refuse({ "--map": copy.map }, "blockcopy 0.0.2 at the source does not say what differs");
    refuse({ "--bwlimit": copy.bwlimit !== undefined }, "blockcopy 0.0.2 sends the blocks");
    if (destination.kind === "remote") {
      refuse(ofStages(copy), "no stage of the copy is on this host");
    }
  }
}

/** Returns options that the frames of 0.0.2 cannot express: digests, block sizes, codecs and metadata of the source. */
function always(copy: CopyOptions): Unsupported {
  const { digest, blockSize, compress, verify, digestCache, streams, ranges, delta } = copy;
  const { incremental } = copy;
  return {
    "--digest": (digest ?? DEFAULT_DIGEST) !== DEFAULT_DIGEST,
    "--block-size": (blockSize ?? DEFAULT_BLOCK_SIZE) !== DEFAULT_BLOCK_SIZE,
    [`--compress ${compress}`]: !["none", "lzma", "auto"].includes(compress ?? "none"),
    "--verify full": verify === "full",
    "--digest-cache": digestCache !== undefined,
    "--ranges": ranges !== undefined,
    "--delta": delta !== undefined,
    "--incremental": incremental !== undefined,
    "--streams": (streams ?? 1) !== 1,
    "--source-format": (copy.sourceFormat ?? "raw") !== "raw",
    "--destination-format": (copy.destinationFormat ?? "raw") !== "raw",
    ...attributeOptions(copy),
    "--numeric-ids": copy.numericIds,
  };
}

function ofDestination({ create, lock, sparse, verify }: CopyOptions): Unsupported {
  return {
    "--create": create,
    "--lock": lock,
    "--sparse": sparse,
    "--verify": verify !== "none",
  };
}

function ofStages({ direct, threads, queueDepth }: CopyOptions): Unsupported {
  return {
    "--direct": direct !== "auto",
    "--threads": threads !== undefined,
    "--queue-depth": queueDepth !== undefined,
  };
}

function refuse(options: Unsupported, why: string): void {
  for (const [option, isUnsupported] of Object.entries(options)) {
    if (isUnsupported) {
      throw new UsageError(
        `${option} cannot be used with --wire 0.0.2: ${why}`,
        "leave it out, or use this program on both hosts",
      );
    }
  }
}
