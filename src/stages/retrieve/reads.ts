import type { StageContext } from "../../blocks/context.ts";
import {
  BATCH_SLOT_LENGTH,
  type HashBatch,
  MAX_BATCH_LENGTH,
} from "../../blocks/digest-batches.ts";
import { batchesInFlight, Slots } from "../../blocks/slots.ts";
import type * as Binding from "../../native/binding.js";
import type { Hashing } from "../../protocol/digest.ts";
import type { Compressor } from "./compression.ts";

/** A batch of the source to read and compare, and what is wanted of it. */
export interface Wanted {
  batch: HashBatch;
  hashing: Hashing;
  /** Return the digests of the source even without others to compare with. */
  hashed: boolean;
  /** Names the compression once there is memory for the batch. */
  compressor: Pick<Compressor, "current">;
  /** Return blocks of zeros without a payload. */
  omitZeros: boolean;
}

/** A batch that is read and compared. */
export interface Reading {
  /** The blocks that differ. Offsets of their payloads are in `memory`. */
  diff: Promise<Binding.Diff>;
  /** Valid until the batch is released. */
  memory: Uint8Array;
  /** The compression that is used. */
  compression: Binding.Compression;
  /** Gives the memory back. */
  release(): void;
}

/** Reads and compares the batches of a source. */
export interface Reads {
  /** Divides a batch into those that are read one by one. */
  parts(batch: HashBatch, hashing: Hashing): Iterable<HashBatch>;
  /** Begins to read a batch, once there is memory for it. */
  begin(wanted: Wanted): Promise<Reading>;
}

/** Reads each batch for one hash stream alone. */
export class OwnReads implements Reads {
  readonly #engine: Binding.Engine;
  readonly #source: Binding.Source;
  readonly #slots: Slots;

  constructor({ native, engine }: Pick<StageContext, "native" | "engine">, source: Binding.Source) {
    this.#engine = engine;
    this.#source = source;
    this.#slots = new Slots(native, batchesInFlight(engine, MAX_BATCH_LENGTH), BATCH_SLOT_LENGTH);
  }

  parts(batch: HashBatch): HashBatch[] {
    return [batch];
  }

  async begin({ batch, hashing, hashed, compressor, omitZeros }: Wanted): Promise<Reading> {
    const slot = await this.#slots.take(batch.bytes);
    const { blocks, digests } = batch;
    const compression = compressor.current;
    const diff = this.#engine.diff(this.#source, this.#slots.slab, slot.index, {
      blocks,
      digests,
      algorithm: hashing.digest,
      hashed,
      compression,
      omitZeros,
    });
    return { diff, memory: slot.memory, compression, release: () => this.#slots.release(slot) };
  }
}
