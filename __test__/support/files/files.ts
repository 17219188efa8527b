// Files that tests make: scratch folders, reproducible bytes, files with holes.
import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cleaning, defer } from "../cleanup.ts";

/** The block size of the wire, in bytes. */
export const BLOCK = 131_072;

const PAGE = 4096;

/** An empty folder, removed when the test ends. `parent` picks another filesystem than the temporary one. */
export function scratch(t: Cleaning, parent = tmpdir()): string {
  const path = mkdtempSync(join(parent, "blockcopy-test-"));
  defer(t, () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** `size` bytes that look random and depend only on `seed`. */
export function noise(seed: string | number, size: number): Buffer {
  if (size === 0) return Buffer.alloc(0);
  return createHash("shake256", { outputLength: size }).update(String(seed)).digest();
}

/** `size` bytes that compress well but differ from block to block. */
export function text(seed: string | number, size: number): Buffer {
  const lines = Array.from(
    { length: Math.ceil(size / 40) + 1 },
    (_, i) => `${seed} line ${i} of a log that repeats itself\n`,
  );
  return Buffer.from(lines.join("")).subarray(0, size);
}

/** SHA-256 of `bytes`, in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Writes `bytes` to a new file at `path`, leaving every aligned page of zeros as a hole. */
export function writeSparse(path: string, bytes: Buffer): void {
  const zeros = Buffer.alloc(PAGE);
  const fd = openSync(path, "wx");
  try {
    ftruncateSync(fd, bytes.length);
    for (let at = 0; at < bytes.length; at += PAGE) {
      const page = bytes.subarray(at, at + PAGE);
      if (!page.equals(zeros.subarray(0, page.length))) writeSync(fd, page, 0, page.length, at);
    }
  } finally {
    closeSync(fd);
  }
}
