import type { ValidationState } from "typanion";

/** Adds an error to the state of a typanion validator, and returns false, as the validator must for a value that it refuses. */
export function refuse(state: ValidationState | undefined, message: string): false {
  state?.errors?.push(`${state.p ?? "."}: ${message}`);
  return false;
}
