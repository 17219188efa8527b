import type * as Binding from "../native/binding.js";
import { ProtocolError } from "../protocol/error.ts";
import { Input } from "../transport/streams/input.ts";
import { JsonLine } from "../ui/json-line.ts";

/** The reason to compare everything that needs no alarm: the operator expects it. */
export const FIRST = "this is the first copy with this name";

/** Digits of the length before a word. */
const DIGITS = 8;

/** Longest word, in bytes. */
const MOST = 65_536;

/** Encodes what `sync` says to the source before and after the hash stream, on the same pipe: a length, and a line of JSON in ASCII. */
export function encodeWord(value: object): string {
  const { text } = new JsonLine(value);
  return text.length.toString(16).padStart(DIGITS, "0") + text;
}

/**
 * Reads a word from standard input, and nothing after it.
 *
 * @param what the word, for messages
 * @throws ProtocolError, StreamError
 */
export async function readWord<T>(
  native: typeof Binding,
  what: string,
  isValid: (value: unknown) => value is T,
): Promise<T> {
  const input = new Input(native, what);
  const read = async (length: number): Promise<string> => {
    const bytes = new Uint8Array(length);
    if ((await input.readFully(bytes)) < length) {
      throw new ProtocolError("closed", 0, `${what} did not come from \`sync\``);
    }
    return Buffer.from(bytes).toString("latin1");
  };
  const digits = await read(DIGITS);
  const length = /^[0-9a-f]+$/.test(digits) ? parseInt(digits, 16) : Infinity;
  if (length > MOST) {
    throw faulty(what);
  }
  const value = parsed(await read(length));
  if (!isValid(value)) {
    throw faulty(what);
  }
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function faulty(what: string): ProtocolError {
  return new ProtocolError("unknown-command", 0, `${what} is not what \`sync\` writes`);
}
