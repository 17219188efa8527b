import { type Part, partOf } from "../../blocks/part.ts";
import type * as Binding from "../../native/binding.js";
import type { Hashing } from "../../protocol/digest.ts";
import { type Coverage, cover, Extents, outside } from "../../ranges/extents.ts";
import type { DigestCoverage, DigestOptions } from "./digest-options.ts";

/** The options that decide which blocks to digest. */
export type CoverageOptions = Pick<
  DigestOptions,
  "start" | "end" | "ranges" | "grows" | "audit" | "hashing"
>;

/** Returns the part of a file to digest. */
export async function coverageOf(
  { size }: Pick<Binding.Source, "size">,
  { start, end, ranges, grows = false, audit, hashing }: CoverageOptions,
): Promise<DigestCoverage> {
  if (ranges === undefined) {
    const extent = { start, end: end ?? size };
    const bytes = extent.end - start;
    return { extents: [extent], bytes, openEnded: end === undefined, audited: undefined };
  }
  const covered = cover(await ranges(), size, hashing.blockSize);
  const wanted = { ...covered, openEnded: covered.openEnded || grows };
  return audit === undefined
    ? { ...wanted, audited: undefined }
    : withAudit(wanted, audit, size, hashing);
}

/** Adds a part of the file to the blocks that a range map names. */
function withAudit(
  wanted: Coverage,
  part: Part,
  size: number,
  { blockSize }: Hashing,
): DigestCoverage {
  const share = partOf(part, 0, size, blockSize);
  const audited = outside(share, wanted.extents);
  const both = new Extents();
  for (const list of [wanted.extents, audited]) for (const extent of list) both.append(extent);
  const { extents, bytes } = cover(both, size, blockSize);
  return { extents, bytes, openEnded: wanted.openEnded, audited };
}
