// The built library, as users import it: by the name of the package.
import assert from "node:assert/strict";
import type * as Library from "../../../src/library/index.ts";

/** Not a literal: the compiler would look for the types that only a build makes. */
const NAME: string = "blockcopy";

export const library = (await import(NAME)) as typeof Library;

/** The error that a promise or function fails with; asserts that it is one of the library. */
export async function errorIn(work: () => Promise<unknown>): Promise<Library.BlockcopyError> {
  let result: unknown;
  try {
    result = await work();
  } catch (error) {
    assert.ok(error instanceof library.BlockcopyError, String(error));
    assert.notEqual(error.advice, "");
    return error;
  }
  return assert.fail(`it has succeeded: ${JSON.stringify(result)}`);
}
