import type { ValidationState } from "typanion";

/** What a typanion validator returns for a value that it refuses: false, and `message` among its errors. */
export function refuse(state: ValidationState | undefined, message: string): false {
  state?.errors?.push(`${state.p ?? "."}: ${message}`);
  return false;
}
