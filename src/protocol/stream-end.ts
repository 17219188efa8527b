import { COMMAND_LENGTH, inputStream, readCommand, viewOf, type StreamName } from "./bytes.ts";
import { ProtocolError } from "./error.ts";

/** The part of a frame in which a stream ended, and the length of the frame up to the end of that part. */
export interface CutPart {
  readonly name: string;
  readonly needed: number;
}

/**
 * Returns the error for a stream that ended before `done`.
 * @param rest the bytes that the decoder has not consumed: nothing, or the start of one frame
 * @param streamOffset bytes from the start of the stream to `rest`
 * @param cutPart returns the part of a frame in which `rest` ends, given the command
 */
export function streamEnded(
  stream: StreamName | undefined,
  rest: Uint8Array,
  streamOffset: number,
  cutPart: (command: string) => CutPart,
): ProtocolError {
  if (rest.length === 0)
    return new ProtocolError(
      "closed",
      streamOffset,
      `the ${inputStream(stream)} was closed unexpectedly without receiving the \`done\` command, after ${streamOffset} bytes`,
    );
  if (rest.length < COMMAND_LENGTH)
    return cutOff("truncated-command", stream, rest.length, streamOffset, {
      name: "command",
      needed: COMMAND_LENGTH,
    });
  const part = cutPart(readCommand(viewOf(rest), 0));
  return cutOff("truncated-frame", stream, rest.length, streamOffset, part);
}

/** Returns the error for a stream that ended `available` bytes after the start of a frame, which lies at `streamOffset`. */
export function cutOff(
  code: "truncated-command" | "truncated-frame",
  stream: StreamName | undefined,
  available: number,
  streamOffset: number,
  { name, needed }: CutPart,
): ProtocolError {
  return new ProtocolError(
    code,
    streamOffset,
    `incomplete read of ${name} from ${inputStream(stream)}, at byte ${streamOffset} (${available} of ${needed} bytes)`,
  );
}
