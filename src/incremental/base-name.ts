/** Beginning of the tag that marks a base. */
const MARK = "blockcopy.base=";

/** Names that `--incremental` takes: LVM allows few characters in a tag, and the name is part of that of a file. */
export const BASE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Returns the tag of the bases with a name. */
export function baseTag(name: string): string {
  return MARK + name;
}
