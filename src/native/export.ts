/**
 * True for a name that is the URI of an export of an NBD server, or begins like one, as in `is_uri` of crates/nbd. The engine parses it.
 * A file of such a name is reached with `./` before it.
 */
export function isExport(name: string): boolean {
  return /^nbds?(?:\+[a-z0-9+.-]*)?:\/\//i.test(name);
}
