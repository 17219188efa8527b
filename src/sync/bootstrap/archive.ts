import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";

/** Files of a program by their names: paths below its folder. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** The file that has the digests of all others, in the format of sha256sum(1). Its own digest stands for all of them. */
export const DIGESTS = "SHA256SUMS";

/** More than any program of ours has, unpacked. */
const LENGTH_LIMIT = 64 * 1024 * 1024;

/** Names that lead nowhere but below a folder. */
const NAME = /^[A-Za-z0-9_@-][A-Za-z0-9_.@-]*(?:\/[A-Za-z0-9_@-][A-Za-z0-9_.@-]*)*$/;

/** The SHA-256 of bytes, in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What {@link DIGESTS} has to say of files. */
export function digestsOf(files: Files): Uint8Array {
  const lines = [...files].map(([name, content]) => `${sha256(content)}  ${name}\n`);
  return Buffer.from(lines.toSorted().join(""));
}

/**
 * Whether files are those that a digest stands for: all of them, and nothing else.
 *
 * @param digest that of {@link DIGESTS}
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

/** Files as one piece: gzip of a line of JSON with names and lengths, and of their bytes in this order. */
export function pack(files: Files): Buffer {
  const index = [...files].map(([name, { length }]) => [name, length]);
  return gzipSync(Buffer.concat([Buffer.from(`${JSON.stringify(index)}\n`), ...files.values()]));
}

/**
 * What {@link pack} has packed.
 *
 * @throws Error when it is damaged, or anything else
 */
export function unpack(archive: Uint8Array): Files {
  const bytes = gunzipSync(archive, { maxOutputLength: LENGTH_LIMIT });
  let at = bytes.indexOf("\n") + 1;
  const index: unknown = JSON.parse(bytes.subarray(0, at).toString());
  const files = new Map<string, Uint8Array>();
  for (const entry of Array.isArray(index) ? (index as unknown[]) : []) {
    const [name, length] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof name !== "string" || !NAME.test(name) || !Number.isSafeInteger(length)) {
      throw new Error("what was sent has a name or a length that cannot be");
    }
    const end = at + Number(length);
    if (end < at || end > bytes.length) {
      throw new Error(`what was sent ends before ${name} does`);
    }
    files.set(name, bytes.subarray(at, end));
    at = end;
  }
  return files;
}
