/**
 * A value as one line of JSON in plain ASCII: whatever shows the line shows nothing else, and whatever parses it gets the value as it is. What is not
 * printable ASCII is an escape of JSON, lone surrogates included.
 */
export class JsonLine {
  /** The line, without its end. */
  readonly text: string;

  constructor(value: object) {
    // Not by code point: JSON has escapes of four digits only.
    this.text = JSON.stringify(value).replaceAll(
      /[^ -~]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
  }
}
