import { ExitCode } from "../../errors/exit-codes.ts";
import { CopyError } from "../../errors/copy-error.ts";
import type * as Binding from "../../native/binding.js";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import { ProtocolError } from "../../protocol/error.ts";
import { isBlockSize } from "../../protocol/limits.ts";
import type { RootDigest } from "../../protocol/root-digest.ts";
import type { StageContext } from "../../blocks/context.ts";
import { BATCH_SLOT_LENGTH, MAX_BATCH_LENGTH } from "../../blocks/digest-batches.ts";
import { rootOf } from "../../blocks/root-of.ts";
import { Slots } from "../../blocks/slots.ts";
import { formatBlocks } from "../../ui/format.ts";
import type { WrittenBlocks, WrittenBlock } from "../../blocks/written-blocks.ts";

/** The amount to read back from the disk after the copy: nothing, the written blocks, or everything. */
export type Verify = "none" | "written" | "full";

/** Most offsets to name in a message. */
const NAMED = 10;

/** The destination differs from what was written, or from the source. */
class VerifyError extends CopyError {
  override readonly name = "VerifyError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.differs);
  }
}

/**
 * Reads back the written blocks and compares them.
 *
 * @returns a sentence about the result
 * @throws VerifyError, the engine's failures
 */
export async function verifyWritten(
  context: StageContext,
  sink: Binding.Sink,
  file: string,
  written: WrittenBlocks,
): Promise<string> {
  const reader = await openReader(context, sink);
  const differing = await differingBlocks(context, reader, written);
  if (differing.count > 0) {
    throw new VerifyError(
      `${differing.count} of ${written.blocks} blocks that were written to ${file} differ when they are read back, at ${named(differing)}`,
      "do not trust the disk or the copy: check the disk (dmesg, smartctl)",
    );
  }
  return `${formatBlocks(written.blocks)} read back and correct`;
}

/**
 * Reads back the destination, up to the size of the source, and compares its root digest with that of the source.
 *
 * @returns a sentence about the result
 * @throws VerifyError, the engine's failures; ProtocolError if the stream does not name the root digest of the source
 */
export async function verifyAll(
  context: StageContext,
  sink: Binding.Sink,
  file: string,
  written: WrittenBlocks,
  { size, root }: { size?: number | undefined; root?: RootDigest | undefined },
): Promise<string> {
  if (size === undefined || root === undefined || !isBlockSize(root.blockSize)) {
    throw new ProtocolError(
      "no-root",
      0,
      "the stream lacks the root digest of the source, which --verify=full needs",
    );
  }
  const reader = await openReader(context, sink);
  const end = Math.min(size, reader.size);
  const aside = context.progress.aside("reading back", end);
  const found = await rootOf({ ...context, progress: aside }, reader, root, end);
  aside.finish({ succeeded: true });
  if (end === size && Buffer.compare(found.root, root.root) === 0) {
    return `all ${size} bytes read back and equal to the source`;
  }
  return failAsDifferent(context, sink, file, written);
}

/**
 * Finds out where the difference is: a digest of all blocks does not tell, but those of the written blocks may.
 *
 * @throws VerifyError, the engine's failures
 */
export async function failAsDifferent(
  context: StageContext,
  sink: Binding.Sink,
  file: string,
  written: WrittenBlocks,
): Promise<never> {
  await verifyWritten(context, sink, file, written);
  throw new VerifyError(
    `${file} differs from the source, but not in the ${written.blocks} blocks that were written`,
    "the destination has changed since its digests were made: run all of it again, and let `checksum` read the destination (no --cached, no kept stream)",
  );
}

/** Opens the destination for direct reads, which bypass the page cache and show what is on the disk. */
export function openReader(
  { engine, warn }: Pick<StageContext, "engine" | "warn">,
  sink: Binding.Sink,
): Promise<Binding.Source> {
  return openPastCache(engine, sink, () => {
    warn(
      "direct reads of the destination are not possible: the data read back may come from the page cache, not from the disk",
    );
    return "off";
  });
}

/**
 * Opens a destination for direct reads.
 *
 * @param otherwise called if these are not possible; returns the way to read instead
 * @throws the engine's failures
 */
export async function openPastCache(
  engine: Binding.Engine,
  sink: Binding.Sink,
  otherwise: () => Binding.DirectIo,
): Promise<Binding.Source> {
  try {
    return await engine.openReader(sink, "on");
  } catch (error) {
    if (!isEngineFailure(error) || error.kind !== "not-direct") {
      throw error;
    }
    return engine.openReader(sink, otherwise());
  }
}

/** The blocks that differ from what was written. */
interface Differing {
  count: number;
  /** The first of them. */
  blocks: { position: number; length: number }[];
}

async function differingBlocks(
  { native, engine }: StageContext,
  reader: Binding.Source,
  written: WrittenBlocks,
): Promise<Differing> {
  const slots = new Slots(native, 1, BATCH_SLOT_LENGTH);
  const differing: Differing = { count: 0, blocks: [] };
  const found = (block: { position: number; length: number }): void => {
    differing.count += 1;
    if (differing.blocks.length < NAMED) {
      differing.blocks.push({ position: block.position, length: block.length });
    }
  };
  for await (const chunk of written.all()) {
    for (const blocks of batches(chunk)) {
      // Blocks beyond the end of the file are missing. The engine compares only what exists.
      const [present, missing] = split(
        blocks,
        ({ position, length }) => position + length <= reader.size,
      );
      missing.forEach(found);
      const slot = await slots.take(BATCH_SLOT_LENGTH);
      const { changed } = await engine.diff(reader, slots.slab, slot.index, {
        blocks: present.map(({ position, length }) => ({ position, length })),
        digests: Buffer.concat(present.map(({ digest }) => digest)),
        algorithm: written.digest,
        hashed: false,
        compression: { codec: "raw" },
        omitZeros: false,
      });
      changed.forEach(found);
      slots.release(slot);
    }
  }
  return differing;
}

/** Splits blocks into batches that fit into a slot. */
function* batches(blocks: WrittenBlock[]): Generator<WrittenBlock[]> {
  let batch: WrittenBlock[] = [];
  let bytes = 0;
  for (const block of blocks) {
    if (batch.length > 0 && bytes + block.length > MAX_BATCH_LENGTH) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(block);
    bytes += block.length;
  }
  if (batch.length > 0) {
    yield batch;
  }
}

function split<T>(values: T[], test: (value: T) => boolean): [T[], T[]] {
  return [values.filter(test), values.filter((value) => !test(value))];
}

function named({ count, blocks }: Differing): string {
  const names = blocks.map(({ position, length }) => `offset ${position} (${length} bytes)`);
  const more = count > names.length ? ` and ${count - names.length} more` : "";
  return names.join(", ") + more;
}
