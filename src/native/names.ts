// File names are bytes, but Node has strings. In our strings, a byte that is not part of UTF-8 is a lone surrogate from U+DC80 to
// U+DCFF, as in Python (PEP 383). So different names are different strings, and names in UTF-8 look as usual. The engine accepts
// such strings (crates/addon/src/names.rs); Node's own functions do not.

/** A UTF-8 sequence in a Latin-1 string (table 3-7 of the Unicode Standard), or a single byte of anything else. */
const SEQUENCE =
  // oxlint-disable-next-line no-control-regex -- all bytes are meant
  /[\x00-\x7F]+|[\xC2-\xDF][\x80-\xBF]|\xE0[\xA0-\xBF][\x80-\xBF]|[\xE1-\xEC\xEE\xEF][\x80-\xBF]{2}|\xED[\x80-\x9F][\x80-\xBF]|\xF0[\x90-\xBF][\x80-\xBF]{2}|[\xF1-\xF3][\x80-\xBF]{3}|\xF4[\x80-\x8F][\x80-\xBF]{2}|[\x80-\xFF]/g;

/** Added to a byte that is not part of UTF-8. */
const ESCAPE = 0xdc00;

/** Decodes the bytes of a name. */
export function nameOf(bytes: Uint8Array): string {
  const characters = Buffer.from(bytes).toString("latin1");
  return characters.replaceAll(SEQUENCE, (sequence) =>
    sequence.length === 1 && sequence > "\x7F"
      ? String.fromCharCode(ESCAPE + sequence.charCodeAt(0))
      : Buffer.from(sequence, "latin1").toString("utf8"),
  );
}

/** Encodes a name in ASCII that no shell changes: like `encodeURIComponent`, but of bytes. */
export function encodedName(name: string): string {
  return bytesOf(name)
    .toString("latin1")
    .replaceAll(
      /[^A-Za-z0-9_./-]/g,
      (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`,
    );
}

/** Decodes a name that {@link encodedName} has encoded; undefined if `text` is not such a name. */
export function decodedName(text: string): string | undefined {
  if (!/^(?:[A-Za-z0-9_./-]|%[0-9a-f]{2})*$/.test(text) || text.includes("%00")) {
    return undefined;
  }
  const bytes = text.replaceAll(/%(..)/g, (_, byte: string) =>
    String.fromCharCode(Number.parseInt(byte, 16)),
  );
  return nameOf(Buffer.from(bytes, "latin1"));
}

/** True if a name or argument is not UTF-8: Node cannot start a program with it. */
export function isBytes(name: string): boolean {
  return /[\uD800-\uDFFF]/u.test(name);
}

/** Encodes a name as the bytes for the kernel. */
export function bytesOf(name: string): Buffer {
  const parts = name.split(/([\uDC80-\uDCFF]+)/u);
  // Encoding as latin1 keeps the low byte of a surrogate.
  return Buffer.concat(
    parts.map((part, index) => Buffer.from(part, index % 2 === 0 ? "utf8" : "latin1")),
  );
}
