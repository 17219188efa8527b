/** Characters that a line may have on any terminal, however narrow that says it is. */
const LEAST_COLUMNS = 20;

/**
 * A line as lines of at most `columns` characters, broken at spaces; those after the first are set in by two more spaces than it is. A word that is
 * longer than a line stays whole: it may be a name that somebody copies.
 */
export function wrapped(line: string, columns: number): string[] {
  const indent = /^ */.exec(line)?.[0] ?? "";
  const room = Math.max(columns, LEAST_COLUMNS);
  const lines: string[] = [];
  let current = "";
  for (const [, spaces = "", word = ""] of line.matchAll(/( *)([^ ]+)/g)) {
    if (current !== "" && (current + spaces + word).length > room) {
      lines.push(current);
      current = `${indent}  ${word}`;
    } else {
      current += spaces + word;
    }
  }
  return [...lines, current];
}
