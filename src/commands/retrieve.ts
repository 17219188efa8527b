import { Command } from "clipanion";

import type { StageContext } from "../blocks/context.ts";
import { UsageError } from "../errors/copy-error.ts";
import { decodedName } from "../native/names.ts";
import { wantsLegacy } from "../process/environment.ts";
import { LeftSnapshotError } from "../snapshots/snapshot-error.ts";
import { refuseUselessOptions, type SnapshotOptions } from "../snapshots/snapshot-options.ts";
import type { Compress } from "../stages/retrieve/compression.ts";
import { retrieve } from "../stages/retrieve/retrieve.ts";
import type { RetrieveOptions } from "../stages/retrieve/retrieve-options.ts";
import { onImage } from "../stages/image/on-image.ts";
import { BASE } from "./options/base-name.ts";
import { METHOD, parseCompress } from "./options/compress.ts";
import { flag, operand, value, valueOr } from "./options/declare.ts";
import { ENCODED_NAME, fileOf } from "./options/encoded-file.ts";
import { FORMAT, refuseOnImage } from "./options/format.ts";
import { fileName, refuseHost, refuseStandardInput } from "./options/file-name.ts";
import { OFFSET } from "./options/offset.ts";
import { RATE } from "./options/rate.ts";
import { SIZES } from "./options/sizes.ts";
import * as ofSnapshot from "./options/snapshot-options.ts";
import { WIRE } from "./options/wire.ts";
import { runStage } from "./run/run-stage.ts";
import type { Changes } from "../incremental/find-changes.ts";
import { eventLine } from "../ui/event-lines.ts";
import { MOST_RANGES } from "../ui/programs/event-schema.ts";
import type { Range } from "../ui/programs/event-values.ts";
import { printLine } from "../ui/stderr.ts";
import { StageCommand } from "./stage-command.ts";

/** `blockcopy retrieve FILE` */
export class RetrieveCommand extends StageCommand {
  static override paths = [["retrieve"]];

  static override usage = Command.Usage({
    description: "send the source's blocks that differ (second stage)",
    details: `
      Reads the digests of the destination's blocks from standard input, compares them with FILE, a regular file, a block device or an export of an NBD server, and writes the blocks that differ to standard output.
    `,
    examples: [
      [
        "Make /dev/vg/copy of another host equal to /dev/vg/disk",
        "ssh root@host blockcopy checksum /dev/vg/copy | $0 retrieve /dev/vg/disk | ssh root@host blockcopy save /dev/vg/copy",
      ],
      ["Compress the blocks", "$0 retrieve --compress zstd /dev/vg/disk < hashes > blocks"],
    ],
  });

  format = value("--format", FORMAT, {
    group: "what",
    text: "Read the disk in FILE, an image of this format: qcow2, vmdk, vhdx, vdi, raw or auto. Default: raw",
  });

  compress = value("--compress", METHOD, {
    group: "speed",
    text: "Compress each block if that makes it smaller: none, lz4, zstd[:LEVEL] (1 to 19), lzma[:LEVEL] (0 to 9) or auto. lz4, zstd and auto need `checksum --extended`",
  });

  lzma = flag("--lzma", { group: "speed", text: "The same as --compress lzma" });

  bwlimit = value("--bwlimit", RATE, {
    group: "speed",
    text: "Write at most RATE bytes per second, as 20M (K, M, G: powers of 1024)",
  });

  snapshot = ofSnapshot.snapshot();

  snapshotSize = ofSnapshot.snapshotSize();

  before = ofSnapshot.before();

  after = ofSnapshot.after();

  hookTimeout = ofSnapshot.hookTimeout();

  /** Compare what has changed since the last copy with this name. Set by `sync`, which also says when the copy is complete. */
  incremental = value("--incremental", BASE);

  /** Set by `sync`, like all options without a help text. */
  events = flag("--events");

  sizes = valueOr("--sizes", SIZES, "any");

  needsStart = value("--needs-start", OFFSET);

  needsEnd = value("--needs-end", OFFSET);

  /** Size of FILE when the copy began. */
  sourceSize = value("--source-size", OFFSET);

  whole = flag("--whole");

  dryRun = flag("--dry-run");

  wire = value("--wire", WIRE);

  map = flag("--map");

  reportRanges = flag("--report-ranges");

  /** Read holes too: an audit relies on no map. */
  readHoles = flag("--read-holes");

  /** Connect with the other stage directly. */
  tunnel = flag("--tunnel");

  /** The commands of --before and --after, which no shell but their own must change. */
  encodedBefore = value("--encoded-before", ENCODED_NAME);

  encodedAfter = value("--encoded-after", ENCODED_NAME);

  /** FILE is encoded, as `sync` passes a name that a shell might change. */
  encoded = flag("--encoded");

  /** Home folder that an encoded FILE is relative to. */
  home = value("--home", fileName("FOLDER"));

  file = operand(fileName("FILE"));

  override execute(): Promise<never> {
    return runStage({
      name: "retrieve",
      done: "compared",
      verbose: this.wantsDetails,
      io: this.ioOf(this.file),
      progress: false,
      patience: 1000,
      events: this.events || this.embedded,
      streams: [
        { fd: 0, name: "hash_input_stream", other: "blockcopy checksum FILE" },
        { fd: 1, name: "block_output_stream", other: "blockcopy save FILE" },
      ],
      tunnel: this.tunnel,
      work: (context) => this.#retrieve(context),
    });
  }

  async #retrieve(context: StageContext): Promise<string | undefined> {
    const file = fileOf(this);
    refuseStandardInput(file);
    this.reach(context, file);
    if (!this.events) {
      refuseHost("retrieve", this.file);
    }
    const snapshot = this.#snapshot();
    const { format } = this;
    const image = { format, option: this.events ? "--source-format" : "--format" } as const;
    refuseOnImage(image, {
      "--snapshot": snapshot.snapshot !== "none",
      "--direct": this.direct === "on",
    });
    const use = { file, ...image, role: "source", writes: false, force: false } as const;
    const left = await onImage(context, { ...use, isVerbose: this.wantsDetails }, () =>
      retrieve(context, { ...this.#options(context), file, image, snapshot }),
    );
    this.#tellLeft(left);
    return undefined;
  }

  /** Returns the options of the work, without those on the file and what it stands for. */
  #options(context: StageContext): Omit<RetrieveOptions, "file" | "image" | "snapshot"> {
    return {
      compress: this.#compression(),
      legacy: wantsLegacy() || this.wire !== undefined,
      sizes: this.sizes,
      needs: { start: this.needsStart, end: this.needsEnd },
      size: this.sourceSize,
      whole: this.whole,
      dryRun: this.dryRun,
      inUse: this.#inUse(context),
      rate: this.bwlimit,
      incremental:
        this.incremental === undefined ? undefined : { name: this.incremental, announce },
      map: this.map,
      ranges: this.reportRanges,
      readHoles: this.readHoles,
      // `sync` has started a stage of this program at the other end too, unless it says otherwise.
      sealed: this.events && this.wire === undefined,
      // `compare`, which asks for ranges, has no such option, and a restricted key does not allow it.
      suggestsSnapshot: !this.reportRanges && !this.isConfined,
    };
  }

  /** Returns the options for a snapshot. */
  #snapshot(): SnapshotOptions {
    const { snapshot, snapshotSize, hookTimeout, encodedBefore, encodedAfter } = this;
    const before = this.before ?? (encodedBefore && decodedName(encodedBefore));
    const after = this.after ?? (encodedAfter && decodedName(encodedAfter));
    const options = { snapshot, snapshotSize, before, after, hookTimeout };
    refuseUselessOptions(options);
    return options;
  }

  /** Reports snapshots that could not be removed. To `sync`, which knows if the copy is complete, it is no failure of this stage. */
  #tellLeft(left: readonly string[]): void {
    if (left.length === 0) {
      return;
    }
    const message = left.join("; ");
    if (this.events) {
      printLine(eventLine({ event: "warning", message, left: true }));
      return;
    }
    throw new LeftSnapshotError(message, "all else is done");
  }

  /** Returns the function that tells of a source in use. Cron mails every word, so without --verbose a stage says nothing. */
  #inUse({ warn, debug }: StageContext): ((message: string) => void) | undefined {
    if (this.events || this.embedded) {
      return warn;
    }
    return this.wantsDetails ? debug : undefined;
  }

  #compression(): Compress {
    if (this.lzma && this.compress !== undefined) {
      throw new UsageError("--lzma and --compress say the same", "leave one of them out");
    }
    const named = this.compress === undefined ? undefined : parseCompress(this.compress);
    return named ?? { method: this.lzma ? "lzma" : "none", level: undefined };
  }
}

/** Tells `sync` what an incremental copy compares. */
function announce({ extents, reason }: Changes): void {
  let ranges: Range[] = [];
  for (const { start, end } of extents) {
    if (ranges.length === MOST_RANGES) {
      printLine(eventLine({ event: "changed", ranges, last: false }));
      ranges = [];
    }
    ranges.push([start, end - start]);
  }
  printLine(eventLine({ event: "changed", ranges, last: true, reason: reason ?? null }));
}
