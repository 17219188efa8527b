import { COMMAND_LENGTH, type StreamName } from "../protocol/bytes.ts";
import { noCommand, recognise } from "../protocol/recognise.ts";
import { afterDone } from "./trailer.ts";
import { blockFrames } from "./block-frames.ts";
import { done, type Frame } from "./frame.ts";
import { hashFrames } from "./hash-frames.ts";
import type { PayloadCheck } from "./payload-check.ts";
import type { Window } from "./window.ts";

/** Consumes all of a stream up to and with `done`, and yields what is before that. Returns whether a trailer may follow. */
type ReadFrames = (window: Window, check: PayloadCheck) => AsyncGenerator<Frame[], boolean>;

const KINDS: Readonly<Record<StreamName, ReadFrames>> = { hash: hashFrames, block: blockFrames };

/** A stream of only `done`: whichever it is, what may be behind it is what a block stream has there. */
const EITHER: ReadFrames = KINDS.block;

/**
 * The frames of a stream, whichever kind it is of, in order, many at a time.
 *
 * @throws ProtocolError behind the last frame that is sound, StreamError
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
