/**
 * What is wrong with a stream:
 * - `closed`: it ended between two frames, without `done`;
 * - `truncated-command`: it ended inside the four letters of a command;
 * - `truncated-frame`: it ended inside a frame, after the command;
 * - `unknown-command`: a frame begins with something that is not a command;
 * - `other-stream`: a frame of the other one of the two streams;
 * - `bad-length`: a length of 0 or more than `MAX_FRAME_LENGTH`;
 * - `bad-position`: a position, or the end of a block, past `MAX_POSITION`;
 * - `bad-hello`: a hello that is damaged, or not at the beginning;
 * - `damaged`: a frame of an extended stream whose checksum is wrong, or that is missing;
 * - `bad-tail`: what follows `done` is not the trailer that it should be;
 * - `no-trailer`: there is no trailer, and it was needed;
 * - `no-root`: the trailer does not say the root digest, and it was needed;
 * - `out-of-order`: frames that do not ascend, where they must;
 * - `not-asked`: the stream is not the kind of answer that was asked for;
 * - `outside`: a block lies where nothing was asked for, or beyond the end of what the destination is to be;
 * - `unsupported`: the stream is sound, and beyond what this version reads.
 */
export type ProtocolErrorCode =
  | "closed"
  | "truncated-command"
  | "truncated-frame"
  | "unknown-command"
  | "other-stream"
  | "bad-length"
  | "bad-position"
  | "bad-hello"
  | "damaged"
  | "bad-tail"
  | "no-trailer"
  | "no-root"
  | "out-of-order"
  | "not-asked"
  | "outside"
  | "unsupported";

/** The other end broke the protocol, or went away before its stream was complete. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";

  /** What is wrong. */
  readonly code: ProtocolErrorCode;

  /** Where in the stream, in bytes from its start, the frame (or byte) at fault begins. */
  readonly offset: number;

  /** `message` says the offset too: it is all that a person gets to see. */
  constructor(code: ProtocolErrorCode, offset: number, message: string) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}
