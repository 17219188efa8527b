import { COMMAND_LENGTH, type StreamName } from "../protocol/bytes.ts";
import { noCommand, recognise } from "../protocol/recognise.ts";
import { afterDone } from "./trailer.ts";
import { blockFrames } from "./block-frames.ts";
import { done, type Frame } from "./frame.ts";
import { hashFrames } from "./hash-frames.ts";
import type { PayloadCheck } from "./payload-check.ts";
import type { Window } from "./window.ts";

/** Reads a stream up to and including `done`, and yields the frames before it. Returns true if a trailer may follow. */
type ReadFrames = (window: Window, check: PayloadCheck) => AsyncGenerator<Frame[], boolean>;

const KINDS: Readonly<Record<StreamName, ReadFrames>> = { hash: hashFrames, block: blockFrames };

/** A stream that consists of `done` may be of either kind. Only a block stream can have a trailer, so treat it as one. */
const EITHER: ReadFrames = KINDS.block;

/**
 * Yields the frames of a stream of either kind in order, many at a time.
 *
 * @throws ProtocolError after the last sound frame, StreamError
 */
export async function* readFrames(window: Window, check: PayloadCheck): AsyncGenerator<Frame[]> {
  if (!(await window.fill(COMMAND_LENGTH))) {
    throw noCommand(window.bytes);
  }
  const name = recognise(window.bytes);
  const kind = name === "either" ? EITHER : KINDS[name];
  const mayHaveTrailer = yield* kind(window, check);
  yield [done(window.offset - COMMAND_LENGTH)];
  yield* afterDone(window, { mayHaveTrailer });
}
