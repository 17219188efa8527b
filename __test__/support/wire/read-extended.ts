// Reads extended streams with the decoders under test.
import { BlockDecoder, type BlockFrame } from "../../../src/protocol/block-stream/decoder.ts";
import type { ProtocolError } from "../../../src/protocol/error.ts";
import { HashDecoder } from "../../../src/protocol/hash-stream/decoder.ts";
import type { HashFrame } from "../../../src/protocol/hash-stream/frames.ts";

/** All that a hash stream said. */
export interface ReadHashes {
  hello: HashDecoder["hello"];
  frames: HashFrame[];
  root: HashDecoder["root"];
}

/** Reads a hash stream that arrives in these chunks; throws what its reader would. */
export function readHashes(chunks: Iterable<Uint8Array>): ReadHashes {
  const decoder = new HashDecoder();
  const frames: HashFrame[] = [];
  const finished = feed(chunks, decoder, (pending, offset) => {
    const decoded = decoder.decode(pending, offset);
    frames.push(...decoded.frames.map(plain));
    return decoded;
  });
  if (finished !== undefined) throw finished;
  return { hello: decoder.hello, frames, root: decoder.root };
}

/** A frame with its payload. */
export type ReadBlock = Omit<BlockFrame, "offset"> & { payload: Uint8Array };

/** All that a block stream said. */
export interface ReadBlocks {
  head: BlockDecoder["head"];
  frames: ReadBlock[];
  root: BlockDecoder["root"];
}

/** Reads a block stream that arrives in these chunks; throws what its reader would. */
export function readBlocks(chunks: Iterable<Uint8Array>): ReadBlocks {
  const decoder = new BlockDecoder();
  const frames: ReadBlock[] = [];
  const finished = feed(chunks, decoder, (pending, offset) => {
    const decoded = decoder.decode(pending, 0, pending.length, offset);
    for (const { offset: at, ...frame } of decoded.frames)
      frames.push(plain({ ...frame, payload: pending.subarray(at, at + frame.length) }));
    return decoded;
  });
  if (finished !== undefined) throw finished;
  return { head: decoder.head, frames, root: decoder.root };
}

/** Feeds a decoder up to `done`. Returns the error for a stream without one. */
function feed(
  chunks: Iterable<Uint8Array>,
  decoder: { ended: (rest: Uint8Array, streamOffset: number) => ProtocolError },
  decode: (pending: Uint8Array, offset: number) => { consumed: number; done: boolean },
): ProtocolError | undefined {
  let pending: Uint8Array = new Uint8Array();
  let offset = 0;
  for (const chunk of chunks) {
    pending = Buffer.concat([pending, chunk]);
    const { consumed, done } = decode(pending, offset);
    if (done) return undefined;
    pending = pending.subarray(consumed);
    offset += consumed;
  }
  return decoder.ended(pending, offset);
}

/** A copy whose bytes are plain ones, which strict comparison tells from those of a Buffer. */
export function plain<T>(value: T): T {
  return structuredClone(value);
}
