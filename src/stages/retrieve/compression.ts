import { UsageError } from "../../errors/copy-error.ts";
import type * as Binding from "../../native/binding.js";
import type { BlockCodec } from "../../protocol/codec.ts";

/** The value of `--compress`. */
export interface Compress {
  /** `auto` adapts while the copy runs. */
  method: "none" | "lz4" | "zstd" | "lzma" | "auto";
  /** For zstd 1 (fastest) to 19 (smallest), for lzma 0 to 9; undefined for the default level. */
  level: number | undefined;
}

/** The default level of zstd itself. */
const ZSTD_LEVEL = 3;

/** The steps of `auto`, from the fastest to the smallest. */
const LADDER: readonly Binding.Compression[] = [
  { codec: "raw" },
  { codec: "lz4" },
  { codec: "zstd", level: 1 },
  { codec: "zstd", level: 3 },
  { codec: "zstd", level: 6 },
  { codec: "zstd", level: 9 },
  { codec: "zstd", level: 13 },
  { codec: "xz" },
];

/** `auto` decides once per window: after this many milliseconds and batches. */
const WINDOW = { time: 400, batches: 3 };

/**
 * Limits for the share of the time that is spent waiting for the output. Above `harder` the link is the bottleneck, and
 * `auto` compresses harder. Below `less` compression is the bottleneck. Between the two, a step down would gain little:
 * it sends up to a quarter more. The step from lz4 to no compression can double what is sent, so its limit is `none`.
 */
const WAITS = { harder: 0.9, less: 0.8, none: 0.4 };

/** Windows for which `auto` avoids a step that was too slow: `least` at first, doubled each time it is too slow again. */
const PATIENCE = { least: 8, most: 256 };

/** Chooses the compression of each batch. */
export interface Compressor {
  /** The compression for the next batch. */
  readonly current: Binding.Compression;
  /**
   * Records that a batch has been sent.
   *
   * @param now the time in milliseconds
   */
  sent(now: number, batch: SentBatch): void;
}

/** A batch that has been sent. */
export interface SentBatch {
  /** Milliseconds spent waiting for the output. */
  waited: number;
  /** False if none of its blocks were compressed as `current` says, so that it tells nothing about that compression. */
  isTypical?: boolean;
}

/** The reader of the blocks, and the log. */
export interface CompressorOptions {
  /** The codecs that the reader decodes; undefined for blockcopy 0.0.2. */
  accepts: readonly BlockCodec[] | undefined;
  /** Use the xz of blockcopy 0.0.2, byte for byte. */
  legacy: boolean;
  /** Logs each choice of `auto`. */
  say: (message: string) => void;
}

/**
 * Returns the compressor for a value of `--compress`.
 *
 * @throws UsageError if the reader does not decode the codec
 */
export function compressor(
  compress: Compress,
  { accepts, legacy, say }: CompressorOptions,
): Compressor {
  const known: readonly BlockCodec[] = accepts ?? ["raw", "xz"];
  const isKnown = ({ codec }: Binding.Compression): boolean => known.some((name) => name === codec);
  const variant = (chosen: Binding.Compression): Binding.Compression =>
    legacy && chosen.codec === "xz" ? { codec: "xzLegacy" } : chosen;
  if (compress.method === "auto") {
    const auto = new Auto(LADDER.filter(isKnown).map(variant), say);
    say(`compressing with ${nameOf(auto.current)} at first`);
    return auto;
  }
  const current = compressionOf(compress);
  if (!isKnown(current)) {
    throw new UsageError(
      `the stage that reads the blocks does not know ${compress.method}`,
      accepts === undefined
        ? "add --extended to `blockcopy checksum`, or use --compress lzma, which blockcopy 0.0.2 knows"
        : `use one of ${known.join(", ")}`,
    );
  }
  return { current: variant(current), sent: () => undefined };
}

function compressionOf({ method, level }: Compress): Binding.Compression {
  switch (method) {
    case "lzma":
      return level === undefined ? { codec: "xz" } : { codec: "xz", level };
    case "zstd":
      return { codec: "zstd", level: level ?? ZSTD_LEVEL };
    case "lz4":
      return { codec: "lz4" };
    default:
      return { codec: "raw" };
  }
}

/** Returns the value of `--compress` for a compression. */
function nameOf({ codec, level }: Binding.Compression): string {
  const name = { raw: "none", xz: "lzma", xzLegacy: "lzma", zstd: "zstd", lz4: "lz4" }[codec];
  return level === undefined ? name : `${name}:${level}`;
}

/** Compresses harder while the link is the bottleneck, and less while compression is. */
export class Auto implements Compressor {
  readonly #ladder: readonly Binding.Compression[];
  readonly #say: (message: string) => void;
  #step: number;
  /** The time at which the last batch had been sent. */
  #last: number | undefined;
  #elapsed = 0;
  #waited = 0;
  #batches = 0;
  /** The last step that was too slow, and for how many windows it is avoided: in all, and from now on. */
  #tooSlow = { step: Infinity, patience: 0, windows: 0 };

  /** @param ladder the steps to choose from, from the fastest to the smallest */
  constructor(ladder: readonly Binding.Compression[], say: (message: string) => void) {
    this.#ladder = ladder;
    this.#say = say;
    // lz4 slows down hardly any link. Without it, start uncompressed: xz would leave a fast link idle at first.
    this.#step = Math.max(
      0,
      ladder.findIndex(({ codec }) => codec === "lz4"),
    );
  }

  get current(): Binding.Compression {
    return this.#ladder[this.#step] ?? { codec: "raw" };
  }

  sent(now: number, { waited, isTypical = true }: SentBatch): void {
    const since = this.#last ?? now - waited;
    this.#last = now;
    if (!isTypical) {
      return;
    }
    this.#elapsed += now - since;
    this.#waited += waited;
    this.#batches += 1;
    if (this.#elapsed < WINDOW.time || this.#batches < WINDOW.batches) {
      return;
    }
    this.#choose(this.#waited / this.#elapsed);
    this.#elapsed = 0;
    this.#waited = 0;
    this.#batches = 0;
  }

  /** Moves by at most one step, given the share of the window that was spent waiting for the output. */
  #choose(share: number): void {
    const step = this.#step;
    const less = this.#ladder[step - 1]?.codec === "raw" ? WAITS.none : WAITS.less;
    this.#tooSlow.windows -= 1;
    if (share < less && step > 0) {
      this.#step -= 1;
      this.#avoid(step);
    } else if (share > WAITS.harder && this.#canUse(step + 1)) {
      this.#step += 1;
    }
    if (this.#step !== step) {
      const waited = Math.round(share * 100);
      this.#say(
        `compressing with ${nameOf(this.current)}: the output waited ${waited} % of the time`,
      );
    }
  }

  #canUse(step: number): boolean {
    const isAvoided = step >= this.#tooSlow.step && this.#tooSlow.windows > 0;
    return step < this.#ladder.length && !isAvoided;
  }

  #avoid(step: number): void {
    const isRepeated = step === this.#tooSlow.step;
    const patience = isRepeated
      ? Math.min(2 * this.#tooSlow.patience, PATIENCE.most)
      : PATIENCE.least;
    this.#tooSlow = { step, patience, windows: patience };
  }
}
