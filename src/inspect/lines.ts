import { JsonLine } from "../ui/json-line.ts";
import { printable } from "../errors/printable.ts";
import { type Frame, TRAILING } from "./frame.ts";

/** Columns for offsets below 10 GB. */
const OFFSET_WIDTH = 10;

/** A frame as a line for people. */
export function asText({ name, offset, text }: Frame): string {
  const parts = [name === TRAILING ? "" : name, text()].filter((part) => part !== "");
  return `${printable([String(offset).padStart(OFFSET_WIDTH), ...parts].join("  "))}\n`;
}

/** A frame as a line of JSON, digests in hexadecimal. */
export function asJson({ name, offset, fields }: Frame): string {
  return `${new JsonLine({ offset, frame: name, ...fields() }).text}\n`;
}
