import { HashDecoder } from "../protocol/hash-stream/decoder.ts";
import type { HashFrame } from "../protocol/hash-stream/frames.ts";
import type { ReceivedHello } from "../protocol/hash-stream/hello.ts";
import { type Frame, hex, markFrame, shortened } from "./frame.ts";
import { type Headed, passOver } from "./pass-over.ts";
import { sealFrame } from "./seal-frame.ts";
import { MAX_POSITION } from "../protocol/limits.ts";
import type { Window } from "./window.ts";

/** Reads a hash stream up to and including `done`, and yields the frames before it. No trailer follows. */
export async function* hashFrames(window: Window): AsyncGenerator<Frame[], boolean> {
  const decoder = new HashDecoder();
  yield* passOver(window, {
    decode: (bytes, offset) => next(decoder, bytes, offset),
    ended: (rest, offset) => decoder.ended(rest, offset),
  });
  return false;
}

function next(
  decoder: HashDecoder,
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
  const { length } = peeked.bytes;
  if (peeked.kind === "frame") {
    return { frame: shown(peeked.frame), length };
  }
  const isHello = peeked.start.command === "helo" && decoder.hello !== undefined;
  return {
    frame: isHello ? greeting(decoder.hello, offset) : sealFrame(decoder.root, offset),
    length,
  };
}

function greeting(hello: ReceivedHello, offset: number): Frame {
  const { version, digest, blockSize, accepts, size, identity, root, end, dryRun, marks } = hello;
  return {
    name: "helo",
    offset,
    text: () =>
      [
        `version ${version}`,
        `digest ${digest}`,
        `blocks of ${blockSize} bytes`,
        accepts && `answer in ${accepts.join(" ")}`,
        size === undefined ? undefined : `size ${size}`,
        identity,
        root && `root ${shortened(root)}`,
        end === undefined ? undefined : endText(end),
        dryRun === true ? "dry run" : undefined,
        marks === true ? "with marks" : undefined,
      ]
        .filter((what) => what !== undefined)
        .join(", "),
    fields: () => ({
      version,
      digest,
      blockSize,
      accepts,
      size,
      identity,
      root: root && hex(root),
      end,
      dryRun,
      marks,
    }),
  };
}

function endText(end: number): string {
  return end === MAX_POSITION ? "asks for all up to the end" : `asks for nothing after ${end}`;
}

function shown(frame: HashFrame): Frame {
  const offset = frame.streamOffset;
  if (frame.kind === "mark") {
    return markFrame(frame.offset, offset);
  }
  if (frame.kind === "rest") {
    const position = frame.offset;
    return {
      name: "rest",
      offset,
      positions: { from: position, to: Infinity },
      text: () => `from ${position} on`,
      fields: () => ({ position }),
    };
  }
  const { position, length, digest } = frame;
  if (position === undefined) {
    return {
      name: "hash",
      offset,
      text: () => `${length} bytes after the block before, ${shortened(digest)}`,
      fields: () => ({ length, digest: hex(digest) }),
    };
  }
  return {
    name: "Hash",
    offset,
    positions: { from: position, to: position + length },
    text: () => `${length} bytes at ${position}, ${shortened(digest)}`,
    fields: () => ({ position, length, digest: hex(digest) }),
  };
}
