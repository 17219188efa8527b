import { UsageError } from "../../../errors/copy-error.ts";
import { StreamError, systemCode, systemReason } from "../../../errors/stream-errors.ts";
import type * as Binding from "../../../native/binding.js";
import { nameOf } from "../../../native/names.ts";
import { distrustOfInput, openInput, refuseUntrusted } from "../../../transport/files/trust.ts";
import { Input } from "../../../transport/streams/input.ts";
import { isStandardInput } from "../../../transport/streams/standard-input.ts";
import type { DataStream } from "../../run/data-streams.ts";

/** The most bytes of a list of destinations. */
const MOST_BYTES = 64 * 1024;

const [LF, CR, HASH] = [0x0a, 0x0d, 0x23] as const;

/** Returns standard input as a stream that carries data if the list of destinations comes from there. */
export function destinationsStream(list: string | undefined): DataStream[] {
  return list !== undefined && isStandardInput(list)
    ? [{ fd: 0, name: "the list of destinations", other: "cat FILE" }]
    : [];
}

/**
 * Reads the list of destinations that `--destinations` names: a name in each line, byte for byte. Empty lines, and those that begin with
 * `#`, are left out.
 *
 * @throws UsageError, StreamError; UntrustedError for a file that another user may change
 */
export async function readDestinations(native: typeof Binding, list: string): Promise<string[]> {
  const buffer = Buffer.alloc(MOST_BYTES + 1);
  const length = isStandardInput(list)
    ? await new Input(native, "list of destinations").readFully(buffer)
    : await readFile(list, buffer);
  if (length > MOST_BYTES) {
    throw new UsageError(
      `the list of destinations ${list} has more than ${MOST_BYTES} bytes`,
      "give a file with one destination in each line",
    );
  }
  const names = namesIn(buffer.subarray(0, length), list);
  if (names.length === 0) {
    throw new UsageError(
      `the list of destinations ${list} has none`,
      "give a file with one destination in each line",
    );
  }
  return names;
}

async function readFile(list: string, buffer: Buffer): Promise<number> {
  const handle = await openInput(list).catch((error: unknown) => {
    throw new UsageError(
      `the list of destinations ${list} cannot be opened: ${systemReason(error)}`,
      "check its name and permissions",
    );
  });
  let length = 0;
  try {
    refuseUntrusted("the list of destinations", await distrustOfInput(handle, list));
    for (let count = -1; count !== 0 && length < buffer.length; length += count) {
      ({ bytesRead: count } = await handle.read(buffer, length, buffer.length - length));
    }
  } catch (error) {
    const code = systemCode(error);
    throw code === undefined
      ? error
      : new StreamError(`reading the list of destinations ${list}`, code, length);
  } finally {
    await handle.close();
  }
  return length;
}

function namesIn(bytes: Buffer, list: string): string[] {
  const names: string[] = [];
  for (let start = 0, number = 1; start < bytes.length; number += 1) {
    const found = bytes.indexOf(LF, start);
    const end = found === -1 ? bytes.length : found;
    const line = bytes.subarray(start, end);
    start = end + 1;
    if (line.length === 0 || line[0] === HASH) {
      continue;
    }
    if (line.includes(0) || line.at(-1) === CR) {
      throw new UsageError(
        `line ${number} of the list of destinations ${list} has a character that no name has, or ends as in Windows`,
        "write it with an editor for plain text, with ends of lines as in Unix",
      );
    }
    names.push(nameOf(line));
  }
  return names;
}
