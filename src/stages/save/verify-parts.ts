import type { CopyRequest } from "../../blocks/bounds.ts";
import type { StageContext } from "../../blocks/context.ts";
import { blocksIn, PartsDigest } from "../../blocks/parts-digest.ts";
import { scanSource } from "../../blocks/scan.ts";
import type { WrittenBlocks } from "../../blocks/written-blocks.ts";
import type * as Binding from "../../native/binding.js";
import { ProtocolError } from "../../protocol/error.ts";
import { bytesOf, Extents } from "../../ranges/extents.ts";
import { failAsDifferent, openReader } from "./verify.ts";

/** The parts of a copy that one of several streams has written, and what the source says about them. */
interface VerifiedParts {
  request: CopyRequest | undefined;
  /** Size of the source. */
  size: number | undefined;
  /** Digest of the parts in the source. */
  parts: Uint8Array | undefined;
}

/**
 * Reads back the parts of the destination that one of several streams has compared, up to the size of the source, and compares their digest
 * with that of the source.
 *
 * @returns a sentence about the result
 * @throws VerifyError, the engine's failures; ProtocolError if the stream does not name the digest of the parts
 */
export async function verifyParts(
  context: StageContext,
  sink: Binding.Sink,
  file: string,
  written: WrittenBlocks,
  { request, size, parts }: VerifiedParts,
): Promise<string> {
  if (request === undefined || size === undefined || parts === undefined) {
    throw new ProtocolError(
      "no-root",
      0,
      "the stream lacks the digest of the parts in the source, which --verify=full needs",
    );
  }
  const { extents, openEnded, openFrom, hashing } = request;
  const reader = await openReader(context, sink);
  const present = new Extents();
  for (const { start, end } of extents) {
    present.append({ start, end: Math.min(end, size, reader.size) });
  }
  if (openEnded) {
    present.append({ start: openFrom, end: Math.min(size, reader.size) });
  }
  const bytes = bytesOf(present);
  const aside = context.progress.aside("reading back", bytes);
  const found = new PartsDigest(context.native, hashing);
  const reading = { ...context, progress: aside };
  await scanSource(reading, reader, present, hashing, (position, length, digests) =>
    found.add(blocksIn(position, length, hashing.blockSize), digests),
  );
  aside.finish({ succeeded: true });
  if (Buffer.compare(found.finish(size), parts) === 0) {
    return `${bytes} bytes read back and equal to the source`;
  }
  return failAsDifferent(context, sink, file, written);
}
