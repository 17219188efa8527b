import { type Frame, TRAILING } from "./frame.ts";

/** Columns for offsets below 10 GB. */
const OFFSET_WIDTH = 10;

/** A frame as a line for people. */
export function asText({ name, offset, text }: Frame): string {
  const parts = [name === TRAILING ? "" : name, text()].filter((part) => part !== "");
  return `${[String(offset).padStart(OFFSET_WIDTH), ...parts].join("  ")}\n`;
}

/** A frame as a line of JSON, digests in hexadecimal. */
export function asJson({ name, offset, fields }: Frame): string {
  return `${json({ offset, frame: name, ...fields() })}\n`;
}

/** A value as JSON without control characters: JSON itself has only those up to U+001F escaped. */
function json(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}
