import assert from "node:assert/strict";

/** Fails if lists of files differ in more than the name of the processor: only the packages for this one are run. */
export function assertSameFiles(lists: readonly string[]): void {
  const [first, ...others] = lists.map((list) =>
    list
      .replaceAll(/linux-(x64|arm64)-gnu/g, "linux-CPU-gnu")
      // Lengths and times in the lists of tar(1).
      .replaceAll(/ +\d+ \d{4}-\d\d-\d\d \d\d:\d\d /g, " "),
  );
  for (const other of others) assert.equal(other, first);
}
