import { closeSync, read, write } from "node:fs";
import { promisify } from "node:util";

const readSome = promisify(read);
const writeSome = promisify(write);

/** Bytes that are moved at once: as many as a pipe holds. */
const LENGTH = 1024 * 1024;

/**
 * Moves all that comes out of one pipe into another and closes both: at the end, or when one of them fails, which their other ends notice.
 * So what goes through ends with this process, however that ends.
 */
export async function pump(from: number, to: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(LENGTH);
  try {
    for (;;) {
      const { bytesRead } = await readSome(from, buffer, 0, LENGTH, null);
      if (bytesRead === 0) {
        return;
      }
      for (let at = 0; at < bytesRead;) {
        at += (await writeSome(to, buffer, at, bytesRead - at)).bytesWritten;
      }
    }
  } catch {
    // Whoever has gone is told of by how its process ended.
  } finally {
    closeSync(from);
    closeSync(to);
  }
}
