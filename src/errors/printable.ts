import { isAsciiOnly } from "./charset.ts";

/** Characters of a line that are shown; of a longer one, the middle is left out. */
const MOST_CHARACTERS = 4096;

/** Characters at its end that are shown in any case: a message ends with what to do. */
const END_CHARACTERS = 1024;

/** Control and format characters, what is unassigned or private, lone surrogates, and separators of lines and paragraphs. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const UNSAFE_OR_NOT_ASCII = /[^ -~]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Options of {@link printable}. */
export interface PrintableOptions {
  /** Escape all that is not ASCII; as the locale says unless it is given. */
  ascii?: boolean;
}

/**
 * Makes a text safe to show on one line of a terminal or log: what could move the cursor, change a colour, begin a line, or change the order of the
 * characters is shown as an escape: `\n`, `\x1b`, `\u200f`, `\u{e0001}`. A lone surrogate U+DC80 to U+DCFF stands for a byte of a name that is not
 * UTF-8, and is shown as that: `\x80` to `\xff`. A backslash stays as it is, so that names with one, which udev makes, can be copied, and a text that was
 * made safe twice is the same; where a name must be exact, the events of --json have it.
 */
export function printable(text: string, { ascii = isAsciiOnly() }: PrintableOptions = {}): string {
  return shortened(text).replaceAll(ascii ? UNSAFE_OR_NOT_ASCII : UNSAFE, escape);
}

/** A text of bounded length. Cut anew it stays as it is. */
function shortened(text: string): string {
  if (text.length <= MOST_CHARACTERS) {
    return text;
  }
  const mark = " [...] ";
  const beginning = text.slice(0, MOST_CHARACTERS - END_CHARACTERS - mark.length);
  return `${beginning}${mark}${text.slice(-END_CHARACTERS)}`;
}

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) {
    return SHORT[character] ?? `\\x${code.toString(16).padStart(2, "0")}`;
  }
  if (code >= 0xdc80 && code <= 0xdcff) {
    return `\\x${(code - 0xdc00).toString(16)}`;
  }
  const digits = code.toString(16);
  return code > 0xffff ? `\\u{${digits}}` : `\\u${digits.padStart(4, "0")}`;
}
