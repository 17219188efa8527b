import { UsageError } from "../errors/copy-error.ts";
import type * as Binding from "../native/binding.js";

/**
 * Refuses a `--start` or `--end` beyond the end of the file before hours are spent on reading it.
 *
 * @throws UsageError
 */
export function checkRange(
  source: Pick<Binding.Source, "size">,
  { file, start, end }: { file: string; start: number | undefined; end: number | undefined },
): void {
  for (const [option, offset] of [
    ["--start", start ?? 0],
    ["--end", end ?? 0],
  ] as const) {
    if (offset > source.size) {
      throw beyondEnd(option, offset, file, source.size);
    }
  }
}

/** Returns the error for an offset beyond the end of a file. */
export function beyondEnd(option: string, offset: number, file: string, size: number): UsageError {
  return new UsageError(
    `${option} ${offset} lies beyond the end of ${file}, which has ${size} bytes`,
    "give an offset within it",
  );
}
