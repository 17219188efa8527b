import { COMMAND_LENGTH } from "../protocol/bytes.ts";
import type { ProtocolError } from "../protocol/error.ts";
import type { Frame } from "./frame.ts";
import type { Window } from "./window.ts";

/** What is known of a frame by its header. */
export interface Headed {
  frame: Frame;
  /** Bytes in all of it, with the payload. */
  length: number;
  /** The error for a stream that ends behind the first `available` bytes of it, where it has a payload. */
  ended?: (available: number) => ProtocolError;
  /**
   * Consumes all of it, and looks at its payload; without this it is passed over.
   *
   * @throws ProtocolError when the payload is cut off or damaged, StreamError
   */
  pass?: (window: Window) => Promise<void>;
}

/** How the frames of a stream with payloads are told apart. */
export interface Headers {
  /**
   * The frame that `bytes` begin with, by its header, which has at most a window; undefined while that is incomplete.
   *
   * @throws ProtocolError
   */
  decode: (bytes: Uint8Array, offset: number) => Headed | "done" | undefined;
  /** The error for a stream that ended with `rest`, at `offset`, before a header was complete. */
  ended: (rest: Uint8Array, offset: number) => ProtocolError;
}

/**
 * Consumes a stream up to and with `done`, and yields what is before that. Payloads are passed over, however long, unless they are to be looked at.
 *
 * @throws ProtocolError behind the last frame that is sound, StreamError
 */
export async function* passOver(window: Window, headers: Headers): AsyncGenerator<Frame[]> {
  // Frames that are in the window together are yielded together, before anything is read over them.
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
