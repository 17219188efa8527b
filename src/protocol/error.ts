/**
 * The kinds of faults in a stream:
 * - `closed`: the stream ended between two frames, without `done`;
 * - `truncated-command`: the stream ended inside the four letters of a command;
 * - `truncated-frame`: the stream ended inside a frame, after the command;
 * - `unknown-command`: a frame begins with something that is not a command;
 * - `other-stream`: a frame belongs to the other stream;
 * - `bad-length`: a length is 0 or more than `MAX_FRAME_LENGTH`;
 * - `bad-position`: a position, or the end of a block, is more than `MAX_POSITION`;
 * - `bad-hello`: the hello is damaged, or not at the beginning;
 * - `damaged`: a frame of an extended stream has a wrong checksum, or is missing;
 * - `bad-tail`: the bytes after `done` are not a sound trailer;
 * - `no-trailer`: the trailer is needed and missing;
 * - `no-root`: the root digest is needed and missing;
 * - `out-of-order`: the frames do not ascend where they must;
 * - `not-asked`: the stream does not answer the request;
 * - `outside`: a block lies outside the request, or beyond the end that the destination will have;
 * - `unsupported`: the stream is sound, but this version does not read it.
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

/** The other end violated the protocol, or its stream ended early. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";

  /** The kind of fault. */
  readonly code: ProtocolErrorCode;

  /** Offset in the stream of the faulty frame or byte. */
  readonly offset: number;

  /** @param message must name the offset too, because people see only the message */
  constructor(code: ProtocolErrorCode, offset: number, message: string) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}
