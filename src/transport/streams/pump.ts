import { closeSync, read, write } from "node:fs";
import { promisify } from "node:util";

const readSome = promisify(read);
const writeSome = promisify(write);

/** Bytes per read: the capacity of a pipe. */
const LENGTH = 1024 * 1024;

/** Takes a chunk that came out of a pipe. The chunk is overwritten once the promise resolves. */
export type Take = (chunk: Uint8Array) => Promise<void>;

/**
 * Copies one pipe into another, and closes both at the end or when one fails. The programs at their other ends notice that, and they also
 * notice the end of this process.
 *
 * @param preface bytes that are written before those of the pipe
 */
export async function pump(
  from: number,
  to: number,
  preface?: AsyncIterable<Uint8Array>,
): Promise<void> {
  try {
    for await (const chunk of preface ?? []) {
      await writeAll(to, chunk);
    }
    await drain(from, (chunk) => writeAll(to, chunk));
  } catch {
    // The exit status of the program that has gone says why.
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/** Writes bytes to a pipe, and closes it after them, or if they cannot be made or written. The program at its other end notices that. */
export async function pour(bytes: AsyncIterable<Uint8Array>, to: number): Promise<void> {
  try {
    for await (const chunk of bytes) {
      await writeAll(to, chunk);
    }
  } catch {
    // Whoever makes the bytes has reported why. If the program has gone, its exit status says so.
  } finally {
    closeSync(to);
  }
}

/**
 * Reads a pipe to its end.
 *
 * @throws whatever `take` throws; the system's error if a read fails
 */
export async function drain(from: number, take: Take): Promise<void> {
  const buffer = Buffer.allocUnsafe(LENGTH);
  for (;;) {
    const { bytesRead } = await readSome(from, buffer, 0, LENGTH, null);
    if (bytesRead === 0) {
      return;
    }
    await take(buffer.subarray(0, bytesRead));
  }
}

/** Writes all bytes of a chunk to a pipe. */
export async function writeAll(to: number, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    at += (await writeSome(to, chunk, at, chunk.length - at)).bytesWritten;
  }
}
