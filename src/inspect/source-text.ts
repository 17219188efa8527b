import { printable } from "../protocol/bytes.ts";
import type { RootDigest } from "../protocol/root-digest.ts";
import type { Owner, SourceDescription } from "../protocol/source-fields.ts";
import { hex, shortened } from "./frame.ts";

/** Seconds from 1970 to the last day, and to the first, that a Date knows. */
const MAX_SECONDS = 8.64e12;

/** What is known of a source, for people. */
export function sourceText({
  size,
  kind,
  mode,
  accessed,
  modified,
  owner,
  group,
}: SourceDescription): string[] {
  const known = [
    size === undefined ? undefined : `size ${size}`,
    kind,
    mode === undefined ? undefined : `mode ${octal(mode)}`,
    accessed && `accessed ${timeOf(accessed)}`,
    modified && `modified ${timeOf(modified)}`,
    owner && `owner ${ownerOf(owner)}`,
    group && `group ${ownerOf(group)}`,
  ];
  return known.filter((what) => what !== undefined);
}

/** What is known of a source, for scripts. JSON leaves out what is undefined. */
export function sourceFields(source: SourceDescription): Record<string, unknown> {
  const { size, kind, mode, accessed, modified, owner, group } = source;
  return {
    size,
    kind,
    mode: mode === undefined ? undefined : octal(mode),
    accessed,
    modified,
    owner,
    group,
  };
}

/** A root digest, for people. */
export function rootText({ digest, blockSize, root }: RootDigest): string {
  return `${digest}/${blockSize} ${shortened(root)}`;
}

/** A root digest, for scripts. */
export function rootFields({ digest, blockSize, root }: RootDigest): Record<string, unknown> {
  return { digest, blockSize, root: hex(root) };
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** A time in UTC to the nanosecond; in seconds since 1970 where the calendar does not reach. */
function timeOf({ seconds, nanoseconds }: NonNullable<SourceDescription["modified"]>): string {
  const fraction = String(nanoseconds).padStart(9, "0");
  if (Math.abs(seconds) > MAX_SECONDS) {
    return `@${seconds} and ${nanoseconds} ns`;
  }
  return new Date(seconds * 1000).toISOString().replace(/\.000Z$/, `.${fraction}Z`);
}

/** A name came over the wire and is shown on a terminal, byte by byte where it is more than plain text. */
function ownerOf({ id, name }: Owner): string {
  return name === undefined
    ? String(id)
    : `${id} (${printable(Buffer.from(name).toString("latin1"))})`;
}
