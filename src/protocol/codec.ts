/** The codecs of records, by their names in a hello. The index in this list is the number on the wire. */
export const BLOCK_CODECS = ["raw", "xz", "zstd", "lz4"] as const;

/** A codec of records. */
export type BlockCodec = (typeof BLOCK_CODECS)[number];

/** Returns the known codecs of a list separated by spaces. Adds `raw`, which every reader decodes. */
export function knownCodecs(list: string): BlockCodec[] {
  const names = list.split(" ");
  return BLOCK_CODECS.filter((codec) => codec === "raw" || names.includes(codec));
}

/** Returns the number of a codec on the wire. */
export function codecNumber(codec: BlockCodec): number {
  return BLOCK_CODECS.indexOf(codec);
}
