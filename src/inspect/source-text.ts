import { printable } from "../protocol/bytes.ts";
import type { RootDigest } from "../protocol/root-digest.ts";
import type { Owner, SourceDescription } from "../protocol/source-fields.ts";
import { hex, shortened } from "./frame.ts";

/** The range of a Date: seconds before and after 1970. */
const MAX_SECONDS = 8.64e12;

/** Describes a source for people. */
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

/** Describes a source for scripts. JSON leaves out what is undefined. */
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

/** Describes a root digest for people. */
export function rootText({ digest, blockSize, root }: RootDigest): string {
  return `${digest}/${blockSize} ${shortened(root)}`;
}

/** Describes a root digest for scripts. */
export function rootFields({ digest, blockSize, root }: RootDigest): Record<string, unknown> {
  return { digest, blockSize, root: hex(root) };
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** Formats a time in UTC with nanoseconds; in seconds since 1970 if a Date cannot represent it. */
function timeOf({ seconds, nanoseconds }: NonNullable<SourceDescription["modified"]>): string {
  const fraction = String(nanoseconds).padStart(9, "0");
  if (Math.abs(seconds) > MAX_SECONDS) {
    return `@${seconds} and ${nanoseconds} ns`;
  }
  return new Date(seconds * 1000).toISOString().replace(/\.000Z$/, `.${fraction}Z`);
}

/** Formats an owner. The name comes from the wire and is shown on a terminal, so escape all but printable ASCII. */
function ownerOf({ id, name }: Owner): string {
  return name === undefined
    ? String(id)
    : `${id} (${printable(Buffer.from(name).toString("latin1"))})`;
}
