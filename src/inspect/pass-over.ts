import { COMMAND_LENGTH } from "../protocol/bytes.ts";
import type { ProtocolError } from "../protocol/error.ts";
import type { Frame } from "./frame.ts";
import type { Window } from "./window.ts";

/** A frame whose header has been read. */
export interface Headed {
  frame: Frame;
  /** Length of the frame, including its payload. */
  length: number;
  /** Returns the error for a stream that ends after the first `available` bytes of a frame with a payload. */
  ended?: (available: number) => ProtocolError;
  /**
   * Reads the frame and checks its payload; undefined to skip it.
   *
   * @throws ProtocolError if the payload is cut off or damaged, StreamError
   */
  pass?: (window: Window) => Promise<void>;
}

/** Reads the headers of one kind of stream. */
export interface Headers {
  /**
   * Returns the frame that `bytes` begin with; undefined while its header is incomplete.
   *
   * @throws ProtocolError
   */
  decode: (bytes: Uint8Array, offset: number) => Headed | "done" | undefined;
  /** Returns the error for a stream that ends inside a header, which begins at `offset` with `rest`. */
  ended: (rest: Uint8Array, offset: number) => ProtocolError;
}

/**
 * Reads a stream up to and including `done`, and yields the frames before it. Skips payloads that are not to be checked.
 *
 * @throws ProtocolError after the last sound frame, StreamError
 */
export async function* passOver(window: Window, headers: Headers): AsyncGenerator<Frame[]> {
  // Yield all frames in the window before reading on, which overwrites them.
  let frames: Frame[] = [];
  for (;;) {
    let headed: ReturnType<Headers["decode"]>;
    try {
      headed = headers.decode(window.bytes, window.offset);
    } catch (fault) {
      yield frames;
      throw fault;
    }
    if (headed === "done") {
      yield frames;
      window.consume(COMMAND_LENGTH);
      return;
    }
    if (headed?.pass !== undefined) {
      yield frames;
      await headed.pass(window);
      frames = [headed.frame];
      continue;
    }
    if (headed !== undefined && headed.length <= window.bytes.length) {
      frames.push(headed.frame);
      window.consume(headed.length);
      continue;
    }
    yield frames;
    frames = [];
    if (headed !== undefined) {
      const available = await window.skip(headed.length);
      if (available < headed.length && headed.ended !== undefined) {
        throw headed.ended(available);
      }
      frames.push(headed.frame);
    } else if (!(await window.more())) {
      throw headers.ended(window.bytes, window.offset);
    }
  }
}
