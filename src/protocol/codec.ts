/** How the payload of a record is coded, by the name that it has in a hello; the place in the list is its number on the wire. */
export const BLOCK_CODECS = ["raw", "xz", "zstd", "lz4"] as const;

/** One of them. */
export type BlockCodec = (typeof BLOCK_CODECS)[number];

/** Those of a list, with spaces between, that are known here; `raw` also when it is not named, since no reader is without it. */
export function knownCodecs(list: string): BlockCodec[] {
  const names = list.split(" ");
  return BLOCK_CODECS.filter((codec) => codec === "raw" || names.includes(codec));
}

/** The number of a codec. */
export function codecNumber(codec: BlockCodec): number {
  return BLOCK_CODECS.indexOf(codec);
}
