/** The narrowest width that lines are wrapped at. */
const LEAST_COLUMNS = 20;

/**
 * Wraps a line at spaces into lines of at most `columns` characters. Later lines are indented by two more spaces. A longer word stays
 * whole, so that a name can be copied.
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
