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
 * Which stream this is, by its first command; `either` when that is `done`.
 * @param bytes its first bytes, at least a command of them
 * @throws ProtocolError when neither stream begins so
 */
export function recognise(bytes: Uint8Array): StreamName | "either" {
  const command = readCommand(viewOf(bytes), 0);
  if (command === "done") return "either";
  const stream = streamOf(command);
  if (stream === undefined) throw unknownCommand({ stream, command, offset: 0 });
  return stream;
}

/** The error for a stream of which there are only `bytes`, fewer than a command has. */
export function noCommand(bytes: Uint8Array): ProtocolError {
  return streamEnded(undefined, bytes, 0, () => ({ name: "command", needed: COMMAND_LENGTH }));
}
