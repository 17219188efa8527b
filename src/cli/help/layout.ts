/** A term, and its explanation. */
export type Entry = readonly [term: string, text: string];

/** A term that is longer has a line of its own. */
const MOST_TERM_COLUMNS = 26;

/** Wraps text at spaces into lines of at most `width` columns, each after this indent. */
export function paragraph(text: string, width: number, indent = ""): string {
  const lines: string[] = [];
  let current = "";
  for (const word of text.split(" ")) {
    if (current !== "" && indent.length + current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else {
      current = current === "" ? word : `${current} ${word}`;
    }
  }
  return [...lines, current].map((line) => indent + line).join("\n");
}

/** Lays out terms in one column, and their explanations in the next. */
export function table(entries: readonly Entry[], width: number): string {
  const lengths = entries.map(([term]) => term.length);
  const column = Math.max(...lengths.filter((length) => length <= MOST_TERM_COLUMNS)) + 4;
  return entries
    .map(([term, text]) => {
      const wrapped = paragraph(text, width, " ".repeat(column));
      return term.length + 4 > column
        ? `  ${term}\n${wrapped}`
        : `  ${term.padEnd(column - 2)}${wrapped.slice(column)}`;
    })
    .join("\n");
}
