import { BlockDecoder, blockDataEnded } from "../protocol/block-stream/decoder.ts";
import type { BlockHeader } from "../protocol/block-stream/frames.ts";
import type { ProtocolError } from "../protocol/error.ts";
import type { Head } from "../protocol/block-stream/head.ts";
import { type Frame, hex, markFrame, shortened } from "./frame.ts";
import { type Headed, passOver } from "./pass-over.ts";
import type { PayloadCheck } from "./payload-check.ts";
import { sealFrame } from "./seal-frame.ts";
import { sourceFields, sourceText } from "./source-text.ts";
import type { Window } from "./window.ts";

/** Reads a block stream up to and including `done`, and yields the frames before it. Returns true if a trailer may follow. */
export async function* blockFrames(
  window: Window,
  check: PayloadCheck,
): AsyncGenerator<Frame[], boolean> {
  const decoder = new BlockDecoder(() => undefined);
  yield* passOver(window, {
    decode: (bytes, offset) => next(decoder, check, bytes, offset),
    ended: (rest, offset) => decoder.ended(rest, offset),
  });
  return decoder.head === undefined;
}

function next(
  decoder: BlockDecoder,
  check: PayloadCheck,
  bytes: Uint8Array,
  offset: number,
): Headed | "done" | undefined {
  const peeked = decoder.peek(bytes, offset);
  if (peeked.kind === "partial") {
    return undefined;
  }
  if (peeked.kind === "done") {
    return "done";
  }
  decoder.take(peeked);
  if (peeked.kind === "block") {
    const { header } = peeked;
    const length = header.headerLength + header.length;
    const ended = (available: number): ProtocolError => blockDataEnded(header, available);
    if (header.digest === undefined || decoder.head === undefined) {
      return { frame: withoutDigest(header), length, ended };
    }
    // Copy the digest: reading the payload overwrites it.
    const digest = { algorithm: decoder.head.digest, bytes: Uint8Array.from(header.digest) };
    const pass = (from: Window): Promise<void> => check.pass(from, header, digest);
    return { frame: record(header, digest.bytes), length, pass };
  }
  if (peeked.kind === "mark") {
    return { frame: markFrame(peeked.offset, offset), length: peeked.bytes.length };
  }
  const isHead = peeked.start.command === "head" && decoder.head !== undefined;
  return {
    frame: isHead ? head(decoder.head, offset) : sealFrame(decoder.root, offset),
    length: peeked.bytes.length,
  };
}

/** Describes a frame without a digest: one of a legacy stream, or a run of zeros. */
function withoutDigest({ command, position, block, length, streamOffset }: BlockHeader): Frame {
  const compressed = command === "dlzm";
  const bytes = command === "zero" ? (block ?? 0) : length;
  return {
    name: command,
    offset: streamOffset,
    // The header does not name the length of a compressed block.
    positions: { from: position, to: compressed ? undefined : position + bytes },
    text: () => `${bytes} bytes ${compressed ? "compressed " : ""}at ${position}`,
    fields: () => ({ position, length: bytes }),
  };
}

function record(
  { command, codec, position, block = 0, length, streamOffset }: BlockHeader,
  digest: Uint8Array,
): Frame {
  const packed = codec === "raw" ? "" : ` as ${length} of ${codec}`;
  return {
    name: command,
    offset: streamOffset,
    positions: { from: position, to: position + block },
    text: () => `${block} bytes${packed} at ${position}, ${shortened(digest)}`,
    fields: () => ({ position, length: block, codec, payload: length, digest: hex(digest) }),
  };
}

function head(
  { version, digest, blockSize, source, base, end }: Head & { version: string },
  offset: number,
): Frame {
  const from = base && `for ${base.size} bytes of root ${shortened(base.root)}`;
  const upTo = end === undefined ? [] : [`nothing after ${end}`];
  const text = [`version ${version}`, `digest ${digest}`, `blocks of ${blockSize} bytes`];
  return {
    name: "head",
    offset,
    text: () =>
      [...text, ...sourceText(source), ...(from === undefined ? [] : [from]), ...upTo].join(", "),
    fields: () => ({
      version,
      digest,
      blockSize,
      ...sourceFields(source),
      base: base && { size: base.size, root: hex(base.root) },
      end,
    }),
  };
}
