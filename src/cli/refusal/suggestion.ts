/** Returns the known word that a mistyped one most likely stands for; undefined if none is close, or the word has fewer than three letters. */
export function suggestion(word: string, known: readonly string[]): string | undefined {
  const letters = word.replace(/^-+/, "").length;
  if (letters < 3) {
    return undefined;
  }
  const completed = known.filter((other) => other.startsWith(word));
  if (completed.length === 1) {
    return completed[0];
  }
  const most = Math.floor(letters / 3);
  return known
    .map((other) => ({ other, distance: distance(word, other) }))
    .filter((found) => found.distance <= most)
    .sort((one, other) => one.distance - other.distance)[0]?.other;
}

/** Counts the characters to insert, delete, replace or swap with their neighbour: the optimal string alignment distance. */
function distance(from: string, to: string): number {
  const first = Array.from({ length: to.length + 1 }, (_, column) => column);
  let [before, last]: [number[], number[]] = [[], first];
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const cost = from[row - 1] === to[column - 1] ? 0 : 1;
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + cost,
          isSwap ? (before[column - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    [before, last] = [last, current];
  }
  return last.at(-1) ?? 0;
}
