import { closeSync, read, write } from "node:fs";
import { promisify } from "node:util";

const readSome = promisify(read);
const writeSome = promisify(write);

/** Bytes that are moved at once: as many as a pipe holds. */
const LENGTH = 1024 * 1024;

/** Takes what comes out of a pipe; a chunk is there until it has been taken. */
export type Take = (chunk: Uint8Array) => Promise<void>;

/**
 * Moves all that comes out of one pipe into another and closes both: at the end, or when one of them fails, which their other ends notice.
 * So what goes through ends with this process, however that ends.
 *
 * @param preface what goes before all of it
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
    // Whoever has gone is told of by how its process ended.
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/**
 * Passes on all that comes out of a pipe.
 *
 * @throws what `take` throws, and what reading does
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

async function writeAll(to: number, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    at += (await writeSome(to, chunk, at, chunk.length - at)).bytesWritten;
  }
}
