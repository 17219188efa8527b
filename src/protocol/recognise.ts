import {
  COMMAND_LENGTH,
  readCommand,
  streamOf,
  unknownCommand,
  viewOf,
  type StreamName,
} from "./bytes.ts";
import type { ProtocolError } from "./error.ts";
import { streamEnded } from "./stream-end.ts";

/**
 * Returns the kind of a stream by its first command; `either` if that is `done`.
 * @param bytes the first bytes of the stream, at least a command
 * @throws ProtocolError if neither kind begins with that command
 */
export function recognise(bytes: Uint8Array): StreamName | "either" {
  const command = readCommand(viewOf(bytes), 0);
  if (command === "done") return "either";
  const stream = streamOf(command);
  if (stream === undefined) throw unknownCommand({ stream, command, offset: 0 });
  return stream;
}

/** Returns the error for a stream that consists of less than a command. */
export function noCommand(bytes: Uint8Array): ProtocolError {
  return streamEnded(undefined, bytes, 0, () => ({ name: "command", needed: COMMAND_LENGTH }));
}
