import { withoutUsers } from "../errors/printable.ts";

/**
 * A value as one line of JSON in printable ASCII: safe on any terminal, and unchanged when parsed. All other characters are escaped,
 * including lone surrogates.
 */
export class JsonLine {
  /** The line, without its line feed. */
  readonly text: string;

  constructor(value: object) {
    // Without the u flag, it replaces code units: an escape in JSON has four digits.
    this.text = withoutUsers(JSON.stringify(value)).replaceAll(
      /[^ -~]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
  }
}
