import { COMMAND_LENGTH, readCommand, viewOf, type StreamName } from "./bytes.ts";
import { ProtocolError } from "./error.ts";

/** The part of a frame in which a stream ended, and the bytes up to the end of that part. */
export interface CutPart {
  readonly name: string;
  readonly needed: number;
}

/**
 * The error for a stream that ended before `done`.
 * @param rest what its decoder left unconsumed: nothing, or the start of one frame
 * @param streamOffset bytes from the start of the stream to `rest`
 * @param cutPart finds the part of a frame, given its command, that `rest` does not reach the end of
 */
export function streamEnded(
  stream: StreamName,
  rest: Uint8Array,
  streamOffset: number,
  cutPart: (command: string) => CutPart,
): ProtocolError {
  if (rest.length === 0)
    return new ProtocolError(
      "closed",
      streamOffset,
      `The ${stream} input stream was closed unexpectedly without receiving the \`done\` command, after ${streamOffset} bytes`,
    );
  const inCommand = rest.length < COMMAND_LENGTH;
  const { name, needed } = inCommand
    ? { name: "command", needed: COMMAND_LENGTH }
    : cutPart(readCommand(viewOf(rest), 0));
  return new ProtocolError(
    inCommand ? "truncated-command" : "truncated-frame",
    streamOffset,
    `Incomplete read of ${name} from ${stream} input stream, at byte ${streamOffset} (${rest.length} of ${needed} bytes)`,
  );
}
