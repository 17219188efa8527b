import { withoutForce } from "../errors/explain.ts";
import { decodedName } from "../native/names.ts";
import { DEFAULT_DIGEST, OWN_DIGEST } from "../protocol/digest.ts";
import { DEFAULT_BLOCK_SIZE } from "../protocol/limits.ts";
import type { ExtentList } from "../ranges/extents.ts";
import { readRangeList } from "../ranges/read-range-list.ts";
import { onImage } from "../stages/image/on-image.ts";
import { receiveComparison } from "../stages/receive-comparison.ts";
import { receiveDryRun } from "../stages/receive-dry-run.ts";
import { receive } from "../stages/receive.ts";
import type { ReceiveOptions } from "../stages/receive-options.ts";
import type { FormatChoice } from "../stages/image/format.ts";
import type { StageContext } from "../blocks/context.ts";
import { DestinationCommand } from "./destination-command.ts";
import { SIZE } from "./options/block-size.ts";
import { flag, operand, value, valueOr } from "./options/declare.ts";
import { ALGORITHM } from "./options/digest.ts";
import { ENCODED_NAME, fileOf } from "./options/encoded-file.ts";
import { FORMAT } from "./options/format.ts";
import { fileName, refuseStandardInput } from "./options/file-name.ts";
import { OFFSET } from "./options/offset.ts";
import { AUDITED_PART, PART, QUEUE_NAME } from "./options/ranges/part.ts";
import { REPLACED } from "./options/ranges/replaced.ts";
import { RATE } from "./options/rate.ts";
import { SIZES } from "./options/sizes.ts";
import { WIRE } from "./options/wire.ts";
import { eventLine } from "../ui/event-lines.ts";
import { printLine } from "../ui/stderr.ts";
import { runStage } from "./run/run-stage.ts";

/** `blockcopy receive FILE`: the stage that `sync` starts at its destination. People do not call it, so no help has it. */
export class ReceiveCommand extends DestinationCommand {
  static override paths = [["receive"]];

  format = value("--format", FORMAT);

  start = value("--start", OFFSET);

  end = value("--end", OFFSET);

  digest = value("--digest", ALGORITHM);

  blockSize = value("--block-size", SIZE);

  digestCache = value("--digest-cache", fileName("DIGESTS"));

  sizes = valueOr("--sizes", SIZES, "any");

  part = value("--part", PART);

  /** The queue from which it takes parts of the copy. */
  queue = value("--queue", QUEUE_NAME);

  /** The process that had this part, and whose connection was lost. */
  replaces = value("--replaces", REPLACED);

  hold = flag("--hold");

  bwlimit = value("--bwlimit", RATE);

  /** Describe FILE before and after the copy, for an incremental copy. */
  describe = flag("--describe");

  /** A list of ranges comes before the block stream. */
  preface = flag("--preface");

  /** The part of FILE to compare in addition to the ranges. */
  audit = value("--audit", AUDITED_PART);

  /** Only read, and send the root digest of FILE before its digests. */
  rootFirst = flag("--root-first");

  dryRun = flag("--dry-run");

  /** FILE is only read, and compared with another one. */
  compare = flag("--compare");

  wire = value("--wire", WIRE);

  /** The same as --digest-cache, encoded. */
  encodedDigestCache = value("--encoded-digest-cache", ENCODED_NAME);

  /** Connect with the other stage directly. */
  tunnel = flag("--tunnel");

  /** FILE is encoded, as `sync` passes a name that a shell might change. */
  encoded = flag("--encoded");

  /** Home folder that an encoded FILE is relative to. */
  home = value("--home", fileName("FOLDER"));

  file = operand(fileName("FILE"));

  /** The list of ranges, if it came before a direct connection. */
  #ranges: ExtentList | undefined;

  override execute(): Promise<never> {
    return runStage({
      name: "receive",
      done: "read",
      verbose: this.wantsDetails,
      io: this.ioOf(this.file),
      progress: false,
      patience: 0,
      events: true,
      streams: [
        { fd: 0, name: "block_input_stream", other: "blockcopy retrieve FILE" },
        { fd: 1, name: "hash_output_stream", other: "blockcopy retrieve FILE" },
      ],
      tunnel: this.tunnel,
      // Only before a direct connection takes the place of standard input.
      ...(this.tunnel && this.preface && { readPreface: (native) => this.#readRanges(native) }),
      work: (context) => this.#receive(context),
    });
  }

  async #readRanges(native: StageContext["native"]): Promise<void> {
    this.#ranges = await readRangeList(native);
  }

  async #receive(context: StageContext): Promise<string | undefined> {
    const file = fileOf(this);
    refuseStandardInput(file);
    this.reach(context, file);
    const { format, force, compare } = this;
    const image = { format, option: "--destination-format" } as const;
    const role = compare ? "source" : "destination";
    const writes = !(compare || this.dryRun || this.rootFirst);
    // A delta is applied to an image that exists.
    const suggestsCreate = !compare && !this.rootFirst;
    const opening = { role, writes, force, suggestsCreate } as const;
    const use = { file, ...image, ...opening, isVerbose: this.wantsDetails } as const;
    const options = this.#options(file, image, context);
    return onImage(
      context,
      use,
      () => this.#stage()(context, options),
      this.create && !compare
        ? async (made) => {
            const { receiveNewImage } = await import("../stages/receive-new-image.ts");
            return receiveNewImage(context, options, made);
          }
        : undefined,
    ).catch((error: unknown) => {
      // A restricted key does not allow --force.
      throw this.isConfined ? withoutForce(error, "receive") : error;
    });
  }

  #options(file: string, image: FormatChoice, context: StageContext): ReceiveOptions {
    const { digest, blockSize, rootFirst } = this;
    const digestCache = this.#digestCache();
    return {
      ...this.saving(file, image, digestCache),
      hold: this.hold,
      part: this.part,
      queue: this.queue,
      replaces: this.replaces,
      sizes: this.sizes,
      start: this.start ?? 0,
      end: this.end,
      ranges: this.preface
        ? () => (this.#ranges ? Promise.resolve(this.#ranges) : readRangeList(context.native))
        : undefined,
      grows: this.create || this.truncate,
      audit: this.audit,
      describe: this.describe
        ? (described) => printLine(eventLine({ event: "destination", ...described }))
        : undefined,
      rate: this.bwlimit,
      rootFirst,
      hashing: {
        digest: digest ?? (this.wire === undefined ? OWN_DIGEST : DEFAULT_DIGEST),
        blockSize: blockSize ?? DEFAULT_BLOCK_SIZE,
      },
      legacy: this.wire !== undefined,
      cache: digestCache === undefined ? undefined : { path: digestCache, digest, blockSize },
    };
  }

  #stage(): (context: StageContext, options: ReceiveOptions) => Promise<string | undefined> {
    if (this.compare) {
      return receiveComparison;
    }
    return this.dryRun || this.rootFirst ? receiveDryRun : receive;
  }

  /** Returns the name of the digest cache, by whichever of the two options it was given. */
  #digestCache(): string | undefined {
    const encoded = this.encodedDigestCache;
    return encoded === undefined ? this.digestCache : decodedName(encoded);
  }
}
