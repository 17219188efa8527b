import { isAsciiOnly } from "./charset.ts";

/** Most characters to show. The middle of a longer text is left out. */
const MOST_CHARACTERS = 4096;

/** Characters to show from the end of a long text: a message ends with the advice. */
const END_CHARACTERS = 1024;

/** Control and format characters, unassigned and private ones, lone surrogates, and line and paragraph separators. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const UNSAFE_OR_NOT_ASCII = /[^ -~]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Options of {@link printable}. */
export interface PrintableOptions {
  /** Escape all but ASCII; by default, if the locale requires it. */
  ascii?: boolean;
}

/**
 * Makes a text safe to show on one line of a terminal or log. Escapes all characters that could move the cursor, change the
 * colour, begin a line or change the order of the text: `\n`, `\x1b`, `\u200f`, `\u{e0001}`. A lone surrogate U+DC80 to U+DCFF,
 * which stands for a byte of a name that is not UTF-8, becomes `\x80` to `\xff`.
 *
 * Backslashes stay: udev makes names with them, which people copy, and escaping twice must not change the text. For exact
 * names there are the events of --json.
 */
export function printable(text: string, { ascii = isAsciiOnly() }: PrintableOptions = {}): string {
  return withoutUsers(shortened(text)).replaceAll(ascii ? UNSAFE_OR_NOT_ASCII : UNSAFE, escape);
}

/**
 * Hides the user names and passwords in the URIs of exports. Such a URI is refused, and would then be in logs, events and metrics. Doing it
 * twice does not change the result.
 */
export function withoutUsers(text: string): string {
  return text.replaceAll(/\b(nbds?(?:\+[a-z]+)?:\/\/)[^/?#\s"]*@/gi, "$1***@");
}

/** Bounds the length of a text. Doing it twice does not change the result. */
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
