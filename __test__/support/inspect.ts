// What `inspect --json` writes, as values.

/** A frame, with those of its fields that tests look at. */
export interface Line {
  offset: number;
  frame: string;
  position?: number;
  length?: number;
}

/** The lines of JSON in `stdout`. */
export function parsed(stdout: Buffer): Line[] {
  return stdout
    .toString()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}
