import { UsageError } from "../../errors/copy-error.ts";
import type * as Binding from "../../native/binding.js";
import type { BlockCodec } from "../../protocol/codec.ts";

/** How blocks are to be compressed, as a person says it. */
export interface Compress {
  /** `auto` finds out while it goes on. */
  method: "none" | "lz4" | "zstd" | "lzma" | "auto";
  /** From 1, fastest, to 19, smallest, for zstd; 0 to 9 for lzma; undefined for the usual one. */
  level: number | undefined;
}

/** The level of zstd that is taken where none is named: that of zstd itself. */
const ZSTD_LEVEL = 3;

/** What `auto` chooses from, the faster before the smaller. */
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

/** How long, in milliseconds, and how many batches, `auto` looks before it chooses anew. */
const WINDOW = { time: 400, batches: 3 };

/**
 * Shares of the time in which the output waits. Above `harder` the link takes the time, and smaller blocks are through it sooner.
 * Below `less` compressing takes it. Above that, a step less would hardly be faster, as it has up to a quarter more to send;
 * with no compression at all it is twice as much or more, hence `none`.
 */
const WAITS = { harder: 0.9, less: 0.8, none: 0.4 };

/** For how many windows `auto` leaves alone what was too much: at first, and at most; twice as long each time that it is so again. */
const PATIENCE = { least: 8, most: 256 };

/** Chooses how each batch is compressed. */
export interface Compressor {
  /** How the next one is. */
  readonly current: Binding.Compression;
  /**
   * Tells of a batch that has gone out.
   *
   * @param now the time in milliseconds
   * @param waited for how long of it the output took what it was given, in milliseconds
   * @param telling whether blocks of it were compressed as `current` says; if not, it tells nothing about that
   */
  sent(now: number, waited: number, telling?: boolean): void;
}

/**
 * What compresses as `compress` says, for a reader that knows the codecs `accepts`.
 *
 * @param exactWire whether xz has to be that of blockcopy 0.0.2, byte for byte
 * @param say is told what was chosen
 * @throws UsageError when the reader does not know the codec
 */
export function compressor(
  compress: Compress,
  accepts: readonly BlockCodec[] | undefined,
  exactWire: boolean,
  say: (message: string) => void,
): Compressor {
  const known: readonly BlockCodec[] = accepts ?? ["raw", "xz"];
  const isKnown = ({ codec }: Binding.Compression): boolean => known.some((name) => name === codec);
  const exact = (chosen: Binding.Compression): Binding.Compression =>
    exactWire && chosen.codec === "xz" ? { codec: "xzLegacy" } : chosen;
  if (compress.method === "auto") {
    const auto = new Auto(LADDER.filter(isKnown).map(exact), say);
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
  return { current: exact(current), sent: () => undefined };
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

/** As a person would name it for `--compress`. */
function nameOf({ codec, level }: Binding.Compression): string {
  const name = { raw: "none", xz: "lzma", xzLegacy: "lzma", zstd: "zstd", lz4: "lz4" }[codec];
  return level === undefined ? name : `${name}:${level}`;
}

/** Compresses harder while the output is what waits, and less while compressing is. */
export class Auto implements Compressor {
  readonly #ladder: readonly Binding.Compression[];
  readonly #say: (message: string) => void;
  #step: number;
  /** When the last batch had gone out. */
  #last: number | undefined;
  #elapsed = 0;
  #waited = 0;
  #batches = 0;
  /** The last step that was too much, how long that is heeded, and for how many windows more. */
  #tooMuch = { step: Infinity, patience: 0, windows: 0 };

  /** `ladder` is what to choose from, the faster before the smaller. */
  constructor(ladder: readonly Binding.Compression[], say: (message: string) => void) {
    this.#ladder = ladder;
    this.#say = say;
    // lz4 holds up hardly any link. Where only xz is known it is raw: a fast link would be idle until the first batches are through xz.
    this.#step = Math.max(
      0,
      ladder.findIndex(({ codec }) => codec === "lz4"),
    );
  }

  get current(): Binding.Compression {
    return this.#ladder[this.#step] ?? { codec: "raw" };
  }

  sent(now: number, waited: number, telling = true): void {
    const since = this.#last ?? now - waited;
    this.#last = now;
    if (!telling) {
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

  #choose(share: number): void {
    const step = this.#step;
    const less = this.#ladder[step - 1]?.codec === "raw" ? WAITS.none : WAITS.less;
    this.#tooMuch.windows -= 1;
    if (share < less && step > 0) {
      this.#step -= 1;
      this.#heed(step);
    } else if (share > WAITS.harder && this.#mayBe(step + 1)) {
      this.#step += 1;
    }
    if (this.#step !== step) {
      const waited = Math.round(share * 100);
      this.#say(
        `compressing with ${nameOf(this.current)}: the output waited ${waited} % of the time`,
      );
    }
  }

  #mayBe(step: number): boolean {
    const tooMuch = step >= this.#tooMuch.step && this.#tooMuch.windows > 0;
    return step < this.#ladder.length && !tooMuch;
  }

  #heed(step: number): void {
    const again = step === this.#tooMuch.step;
    const patience = again ? Math.min(2 * this.#tooMuch.patience, PATIENCE.most) : PATIENCE.least;
    this.#tooMuch = { step, patience, windows: patience };
  }
}
