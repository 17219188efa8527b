// Checks the signature in a file of macOS: see `cs_blobs.h` of its kernel.
import { createHash } from "node:crypto";

/** Magic numbers of the signature as a whole, and of the list of digests in it. */
const [SIGNATURE, DIRECTORY] = [0xfade_0cc0, 0xfade_0c02];

/** The kind of digest that is SHA-256. */
const SHA256 = 2;

/**
 * True if the signature that begins at `start` has the digests of all pages before it. A change of the file after it was linked, such as
 * stripping it, makes them wrong, and macOS on ARM64 ends a process that loads such a file.
 */
export function isSigned(file: Buffer, start: number): boolean {
  if (file.readUInt32BE(start) !== SIGNATURE) return false;
  const parts = Array.from(
    { length: file.readUInt32BE(start + 8) },
    (_, index) => start + file.readUInt32BE(start + 16 + index * 8),
  );
  const directory = parts.find((part) => file.readUInt32BE(part) === DIRECTORY);
  return directory !== undefined && hasDigests(file, directory);
}

function hasDigests(file: Buffer, directory: number): boolean {
  const [digests = 0, , , count = 0, end = 0] = Array.from({ length: 5 }, (_, index) =>
    file.readUInt32BE(directory + 16 + index * 4),
  );
  const [length = 0, kind, , shift = 0] = file.subarray(directory + 36, directory + 40);
  const page = 2 ** shift;
  if (kind !== SHA256 || count !== Math.ceil(end / page)) return false;
  return Array.from({ length: count }, (_, index) => index).every((index) => {
    const content = file.subarray(index * page, Math.min((index + 1) * page, end));
    const at = directory + digests + index * length;
    const digest = createHash("sha256").update(content).digest().subarray(0, length);
    return digest.equals(file.subarray(at, at + length));
  });
}
