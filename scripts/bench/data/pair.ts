import { randomFillSync } from "node:crypto";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../../common/processes.ts";
import { BLOCK_BYTES } from "../../common/work.ts";
import { dropFromCache, readIntoCache } from "./page-cache.ts";

/** The distance between two blocks that {@link Pair.changeSome} changes, in blocks. */
const ONE_IN = 100;

/** Source and destination: two files of the same size. */
export class Pair {
  readonly source: string;
  readonly destination: string;
  /** Bytes of either; a multiple of {@link BLOCK_BYTES}. */
  readonly size: number;
  /** True if the destination is known to be equal to the source. */
  #same = false;

  constructor(folder: string, size: number, name = "destination") {
    this.source = join(folder, "source");
    this.destination = join(folder, name);
    this.size = size;
  }

  /** The same source, with another destination. */
  with(name: string): Pair {
    return new Pair(dirname(this.source), this.size, name);
  }

  /** Fills the source with random data, in which no block is like another and nothing can be compressed. */
  makeSource(): void {
    run(["dd", "if=/dev/urandom", `of=${this.source}`, ...blocks(`count=${this.#blocks}`)]);
  }

  /** Makes the destination differ in one block of a hundred, everywhere in that block. */
  changeSome(): void {
    if (!this.#same) run(["cp", "--reflink=never", this.source, this.destination]);
    this.#same = false;
    const block = Buffer.alloc(BLOCK_BYTES);
    const file = openSync(this.destination, "r+");
    try {
      for (const position of changedBlocks(this.#blocks))
        writeSync(file, randomFillSync(block), 0, BLOCK_BYTES, position * BLOCK_BYTES);
    } finally {
      closeSync(file);
    }
  }

  /** Writes the extents of the blocks that {@link changeSome} changes into a file, as a range map. Returns its path. */
  mapChanges(): string {
    const path = join(dirname(this.source), "changed-extents");
    const extents = changedBlocks(this.#blocks).map(
      (block) => `${block * BLOCK_BYTES} ${BLOCK_BYTES}\n`,
    );
    writeFileSync(path, extents.join(""));
    return path;
  }

  /** Makes the destination differ in every block: each is what the next one of the source is, the last what the first is. */
  changeAll(): void {
    this.#same = false;
    const last = this.#blocks - 1;
    this.#copyBlocks("skip=1");
    this.#copyBlocks("count=1", `seek=${last}`);
  }

  /** Has both files on the disk and in the page cache. */
  warm(): void {
    run(["sync"]);
    readIntoCache(this.source);
    readIntoCache(this.destination);
  }

  /** Has the source on the disk and not in the page cache. */
  cool(): void {
    run(["sync"]);
    dropFromCache(this.source);
  }

  /** @throws Error when the destination is not the same as the source */
  check(): void {
    run(["cmp", this.source, this.destination]);
    this.#same = true;
  }

  get #blocks(): number {
    return this.size / BLOCK_BYTES;
  }

  #copyBlocks(...which: string[]): void {
    run(["dd", `if=${this.source}`, `of=${this.destination}`, ...blocks(...which)]);
  }
}

/** Operands of dd for copying whole blocks within a file. */
function blocks(...which: string[]): string[] {
  return [`bs=${BLOCK_BYTES}`, "iflag=fullblock", "conv=notrunc", "status=none", ...which];
}

/** The blocks to change: one of each hundred, not always the same one, so that they are not evenly spaced. */
function changedBlocks(count: number): number[] {
  const hundreds = Array.from({ length: Math.ceil(count / ONE_IN) }, (_, index) => index);
  return hundreds
    .map((hundred) => hundred * ONE_IN + ((hundred * 61) % ONE_IN))
    .filter((block) => block < count);
}
