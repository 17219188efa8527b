// The two streams, piece by piece: frames of 0.0.2 and extended ones.
import assert from "node:assert/strict";
import { BlockDecoder } from "../../../src/protocol/block-stream/decoder.ts";
import { encodeBlockHeader } from "../../../src/protocol/block-stream/frames.ts";
import { decodeHead, encodeHead } from "../../../src/protocol/block-stream/head.ts";
import { encodeRecordHeader, encodeZeros } from "../../../src/protocol/block-stream/record.ts";
import {
  decodeTrailer,
  encodeTrailer,
  trailerLength,
} from "../../../src/protocol/block-stream/trailer.ts";
import { ProtocolError } from "../../../src/protocol/error.ts";
import { HashDecoder } from "../../../src/protocol/hash-stream/decoder.ts";
import {
  encodeHashFrames,
  encodeMark,
  encodeRest,
} from "../../../src/protocol/hash-stream/frames.ts";
import { decodeHello, encodeHello } from "../../../src/protocol/hash-stream/hello.ts";
import { MAX_FRAME_LENGTH, MAX_POSITION } from "../../../src/protocol/limits.ts";
import { BLOCK_STREAM, HASH_STREAM } from "../../support/wire/sample-streams.ts";
import { tailFrame, TAG } from "../../support/wire/trailer.ts";
import { u32, u64 } from "../../support/wire/description-frames.ts";
import { rootValue } from "../../support/wire/extended.ts";
import { cases, recorded } from "../../support/wire/vectors.ts";
import { hello } from "../../support/wire/frames.ts";
import { repaired } from "../repair.ts";
import { attempt, chunked, type Target } from "../target.ts";

/** The first byte of an input says how it arrives; its topmost bit, that the checksums are right. */
export function arriving(bytes: Uint8Array): { stream: Uint8Array; how: number } {
  const [how = 0] = bytes;
  const stream = bytes.subarray(1);
  return { stream: how & 0x80 ? repaired(stream) : new Uint8Array(stream), how };
}

/** Puts that byte before streams. */
export function withArrival(streams: readonly Uint8Array[]): Uint8Array[] {
  return streams.flatMap((stream) => [
    Buffer.concat([Buffer.of(0x83), stream]),
    Buffer.concat([Buffer.of(1), stream]),
  ]);
}

/** Recorded streams of one kind, the short ones. */
export function recordedStreams(kind: "hashes" | "blocks"): Buffer[] {
  const names = cases.flatMap(({ checksum, retrieve }) =>
    kind === "hashes" ? (checksum?.stdout ?? retrieve.stdin ?? []) : retrieve.stdout,
  );
  return names.map((name) => recorded(name).subarray(0, 1000));
}

interface Decoded {
  consumed: number;
  done: boolean;
}

/** Feeds a decoder with chunks. Returns the number of bytes up to `done`, or the error for a stream without it. */
function feed(
  chunks: readonly Uint8Array[],
  decoder: { ended: (rest: Uint8Array, offset: number) => ProtocolError },
  decode: (pending: Uint8Array, offset: number) => Decoded,
): number | ProtocolError {
  let pending: Uint8Array = new Uint8Array(0);
  let offset = 0;
  for (const chunk of chunks) {
    pending = Buffer.concat([pending, chunk]);
    const { consumed, done } = decode(pending, offset);
    assert.ok(consumed <= pending.length, "consumed more than there is");
    pending = pending.subarray(consumed);
    offset += consumed;
    if (done) return offset;
  }
  return decoder.ended(pending, offset);
}

/** The content of a stream, or its fault, in a form that can be compared. */
interface Content {
  end: number | ProtocolError;
  frames: { at: number; encoded: string }[];
  description: unknown;
  root: unknown;
}

/** Asserts that both ways in which a stream arrived say the same, and that errors are those of the protocol. */
function assertSame(
  whole: Content | ProtocolError,
  pieces: Content | ProtocolError,
  length: number,
): void {
  const [one, other] = [whole, pieces].map((content) =>
    content instanceof ProtocolError
      ? content
      : content.end instanceof ProtocolError
        ? content.end
        : undefined,
  );
  assert.equal(other?.message, one?.message, "another error in pieces");
  assert.equal(other?.code, one?.code);
  if (one !== undefined) {
    assert.ok(one.offset >= 0 && one.offset <= length, `byte ${one.offset} of ${length}`);
    assert.match(one.message, new RegExp(`(?:at byte|after) ${one.offset}\\b`));
    assert.match(one.message, /^[ -~]*$/, "it goes to a terminal");
  }
  if (!(whole instanceof ProtocolError) && !(pieces instanceof ProtocolError)) {
    assert.deepEqual(pieces.frames, whole.frames);
    assert.deepEqual(pieces.description, whole.description);
    assert.deepEqual(pieces.root, whole.root);
  }
}

/** Asserts that frames are encoded as the bytes that they were decoded from. */
function assertEncoded(content: Content | ProtocolError, stream: Uint8Array): void {
  if (content instanceof ProtocolError) return;
  for (const { at, encoded } of content.frames)
    assert.equal(encoded, hex(stream.subarray(at, at + encoded.length / 2)), `the frame at ${at}`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function readHashes(chunks: readonly Uint8Array[]): Content {
  const decoder = new HashDecoder();
  const frames: Content["frames"] = [];
  const end = feed(chunks, decoder, (pending, offset) => {
    const decoded = decoder.decode(pending, offset);
    const { digest } = decoder.hashing;
    for (const frame of decoded.frames) {
      if (frame.kind === "rest")
        frames.push({ at: frame.streamOffset, encoded: hex(encodeRest(frame.offset)) });
      else if (frame.kind === "mark")
        frames.push({ at: frame.streamOffset, encoded: hex(encodeMark(frame.offset)) });
      else {
        const { position, length } = frame;
        assert.ok(length >= 1 && length <= MAX_FRAME_LENGTH, `length ${length}`);
        if (position === undefined) continue;
        const encoded = encodeHashFrames(position, length, MAX_FRAME_LENGTH, frame.digest, digest);
        frames.push({ at: frame.streamOffset, encoded: hex(encoded) });
      }
    }
    return decoded;
  });
  return { end, frames, description: decoder.hello, root: decoder.root };
}

function readBlocks(chunks: readonly Uint8Array[]): Content {
  const decoder = new BlockDecoder();
  const frames: Content["frames"] = [];
  const end = feed(chunks, decoder, (pending, offset) => {
    const decoded = decoder.decode(pending, 0, pending.length, offset);
    assert.ok(decoded.needed <= 16 + 4096 + MAX_FRAME_LENGTH, "it needs too much");
    for (const { offset: at, ...frame } of decoded.frames) {
      const { command, codec, position, block = 0, length, digest } = frame;
      assert.ok(position + block <= MAX_POSITION && block <= MAX_FRAME_LENGTH, "out of bounds");
      assert.ok(at + length <= pending.length, "a payload beyond what has arrived");
      frames.push({
        at: frame.streamOffset,
        encoded: hex(
          command === "zero" || codec === "zeros"
            ? encodeZeros(position, block)
            : digest === undefined
              ? legacyHeader(command === "dlzm" ? "dlzm" : "data", position, length)
              : encodeRecordHeader({ position, block, codec, length, digest }),
        ),
      });
    }
    return decoded;
  });
  return { end, frames, description: decoder.head, root: decoder.root };
}

function legacyHeader(command: "data" | "dlzm", position: number, length: number): Uint8Array {
  const header = new Uint8Array(16);
  encodeBlockHeader(header, 0, command, position, length);
  return header;
}

/** The hash stream. */
export const hashStream: Target = {
  name: "hash_stream",
  seeds: () => withArrival([HASH_STREAM, hello("blake3"), ...recordedStreams("hashes")]),
  words: ["helo", "Hash", "hash", "rest", "root", "done", "head", "sha3-512", "blake3"],
  check(bytes) {
    const { stream, how } = arriving(bytes);
    const whole = attempt(() => readHashes([stream]), ProtocolError);
    const pieces = attempt(() => readHashes(chunked(stream, how)), ProtocolError);
    assertSame(whole, pieces, stream.length);
    assertEncoded(whole, stream);
    if (whole instanceof ProtocolError || whole.description === undefined) return;
    const { version: _, ...said } = whole.description as ReturnType<typeof decodeHello>;
    const start = { stream: "hash", command: "helo", offset: 0 } as const;
    const { version: _same, ...again } = decodeHello(encodeHello(said), start);
    assert.deepEqual(again, said);
  },
};

/** The block stream. */
export const blockStream: Target = {
  name: "block_stream",
  seeds: () => withArrival([BLOCK_STREAM, ...recordedStreams("blocks")]),
  words: ["head", "data", "dlzm", "blck", "zero", "root", "done", "sha3-512", "blake3"],
  check(bytes) {
    const { stream, how } = arriving(bytes);
    const whole = attempt(() => readBlocks([stream]), ProtocolError);
    const pieces = attempt(() => readBlocks(chunked(stream, how)), ProtocolError);
    assertSame(whole, pieces, stream.length);
    assertEncoded(whole, stream);
    if (whole instanceof ProtocolError || whole.description === undefined) return;
    const { version: _, ...said } = whole.description as ReturnType<typeof decodeHead>;
    const start = { stream: "block", command: "head", offset: 0 } as const;
    const { version: _same, ...again } = decodeHead(encodeHead(said), start);
    assert.deepEqual(again, said);
  },
};

const TRAILER = tailFrame([
  [TAG.size, u64(300_000)],
  [TAG.kind, Buffer.from("file")],
  [TAG.mode, u32(0o4755)],
  [TAG.accessed, Buffer.concat([u64(1_600_000_000), u32(999_999_999)])],
  [TAG.modified, Buffer.concat([u64(2n ** 64n - 1n), u32(0)])],
  [TAG.owner, Buffer.concat([u32(0), Buffer.from("root")])],
  [TAG.group, u32(7)],
  [TAG.root, rootValue(Buffer.alloc(64, 3))],
]);

/** The trailer of a block stream of 0.0.2. */
export const trailer: Target = {
  name: "trailer",
  seeds: () => withArrival([TRAILER]),
  words: ["tail", "file", "device", "sha3-512", "blake3"],
  check(bytes) {
    const { stream } = arriving(bytes);
    const decoded = attempt(() => {
      const length = trailerLength(stream, 5);
      return stream.length < length ? undefined : decodeTrailer(stream.subarray(0, length), 5);
    }, ProtocolError);
    if (decoded === undefined || decoded instanceof ProtocolError) return;
    assert.deepEqual(decodeTrailer(encodeTrailer(decoded), 0), decoded);
  },
};
