import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";

/** Files of a program by their paths relative to its folder. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** The file with the digests of all others, in the format of sha256sum(1). Its own digest stands for the whole package. */
export const DIGESTS = "SHA256SUMS";

/** Limit on the size of an unpacked package, in bytes. */
const LENGTH_LIMIT = 64 * 1024 * 1024;

/** Matches paths that cannot leave their folder. */
const NAME = /^[A-Za-z0-9_@-][A-Za-z0-9_.@-]*(?:\/[A-Za-z0-9_@-][A-Za-z0-9_.@-]*)*$/;

/** Returns a SHA-256 in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Returns the content of {@link DIGESTS} for files. */
export function digestsOf(files: Files): Uint8Array {
  const lines = [...files].map(([name, content]) => `${sha256(content)}  ${name}\n`);
  return Buffer.from(lines.sort().join(""));
}

/**
 * True if these are all files of a package, unchanged, and no others.
 *
 * @param digest the digest of {@link DIGESTS}
 */
export function isWhole(files: Files, digest: string): boolean {
  const digests = files.get(DIGESTS);
  const others = new Map(files);
  others.delete(DIGESTS);
  return (
    digests !== undefined &&
    sha256(digests) === digest &&
    Buffer.compare(digests, digestsOf(others)) === 0
  );
}

/** Packs files into an archive: gzip of a line of JSON with their names and lengths, followed by their bytes in that order. */
export function pack(files: Files): Buffer {
  const index = [...files].map(([name, { length }]) => [name, length]);
  return gzipSync(Buffer.concat([Buffer.from(`${JSON.stringify(index)}\n`), ...files.values()]));
}

/**
 * Unpacks an archive made by {@link pack}.
 *
 * @throws Error if it is damaged or not an archive
 */
export function unpack(archive: Uint8Array): Files {
  const bytes = gunzipSync(archive, { maxOutputLength: LENGTH_LIMIT });
  let at = bytes.indexOf("\n") + 1;
  const index: unknown = JSON.parse(bytes.subarray(0, at).toString());
  const files = new Map<string, Uint8Array>();
  for (const entry of Array.isArray(index) ? (index as unknown[]) : []) {
    const [name, length] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof name !== "string" || !NAME.test(name) || !Number.isSafeInteger(length)) {
      throw new Error("the package has an invalid name or length");
    }
    const end = at + Number(length);
    if (end < at || end > bytes.length) {
      throw new Error(`the package ends before ${name} does`);
    }
    files.set(name, bytes.subarray(at, end));
    at = end;
  }
  return files;
}
