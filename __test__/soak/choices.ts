// The options that copies are made with, and how often.
import type { Choice } from "./options.ts";
import type { Random } from "./random.ts";

const BLOCK_SIZES = ["4K", "8K", "16K", "64K", "128K", "256K", "1M", "16M"];

const METHODS = [
  "none",
  "lz4",
  "zstd",
  "zstd:1",
  "zstd:12",
  "zstd:19",
  "lzma",
  "lzma:0",
  "lzma:6",
  "auto",
];

const RATES = ["3M", "20M", "100M"];

/** Options for reading and writing files. */
const IO: readonly Choice[] = [
  { name: "--direct", chance: 0.4, value: (random) => random.pick(["on", "off", "auto"]) },
  { name: "--threads", chance: 0.3, value: (random) => String(random.between(1, 4)) },
  { name: "--queue-depth", chance: 0.3, value: (random) => String(random.pick([1, 2, 5, 32])) },
];

/** Options for writing to a destination. */
const WRITING: readonly Choice[] = [
  { name: "--create", chance: 0.3 },
  { name: "--truncate", chance: 0.25 },
  { name: "--sparse", chance: 0.3 },
  { name: "--force", chance: 0.05 },
  { name: "--lock", chance: 0.15 },
  { name: "--verify", chance: 0.4, value: (random) => random.pick(["none", "written", "full"]) },
  { name: "-a", chance: 0.06 },
  { name: "-t", chance: 0.1 },
  { name: "-p", chance: 0.1 },
  { name: "--owner", chance: 0.1 },
  { name: "--group", chance: 0.1 },
  { name: "--numeric-ids", chance: 0.08 },
];

/** Digests and blocks of the extended stream. */
const BLOCKS: readonly Choice[] = [
  { name: "--digest", chance: 0.4, value: (random) => random.pick(["blake3", "sha3-512"]) },
  { name: "--block-size", chance: 0.5, value: (random) => random.pick(BLOCK_SIZES) },
];

const COMPRESS: Choice = {
  name: "--compress",
  chance: 0.5,
  value: (random) => random.pick(METHODS),
};

const BWLIMIT: Choice = { name: "--bwlimit", chance: 0.08, value: (random) => random.pick(RATES) };

/** A part of a source of `length` bytes. */
function part(length: number, chance: number): Choice[] {
  const offset = (random: Random): string =>
    String(random.chance(0.1) ? random.pick([0, length, length + 1]) : random.between(0, length));
  return [
    { name: "--start", chance, value: offset },
    { name: "--end", chance, value: offset },
  ];
}

/** Options of `sync`, for a source of `length` bytes; `file` names a file of the round. */
export function syncChoices(length: number, file: (name: string) => string): Choice[] {
  return [
    ...IO,
    ...WRITING,
    ...BLOCKS,
    COMPRESS,
    BWLIMIT,
    ...part(length, 0.1),
    { name: "--ranges", chance: 0.12, value: () => file("ranges") },
    { name: "--allow-larger", chance: 0.1 },
    { name: "--streams", chance: 0.15, value: (random) => String(random.between(1, 4)) },
    { name: "--digest-cache", chance: 0.25, value: () => file("digests") },
    { name: "--timeout", chance: 0.05, value: () => "120" },
    { name: "--no-bootstrap", chance: 0.05 },
    { name: "--json", chance: 0.6 },
    { name: "--quiet", chance: 0.1 },
    { name: "--verbose", chance: 0.1 },
    { name: "--progress", chance: 0.1 },
    { name: "--stats", chance: 0.1 },
    { name: "--map", chance: 0.15 },
    { name: "--map-file", chance: 0.08, value: () => file("map.svg") },
    { name: "--metrics", chance: 0.08, value: () => file("metrics.prom") },
  ];
}

/** Options of the three stages, for a source of `length` bytes. */
export const STAGE_CHOICES = {
  checksum: (length: number, file: (name: string) => string): Choice[] => [
    { name: "--extended", chance: 0.65 },
    ...BLOCKS.map((choice) => ({ ...choice, chance: 0.3 })),
    ...part(length, 0.1),
    ...IO,
    BWLIMIT,
    { name: "--ranges", chance: 0.12, value: () => file("ranges") },
    { name: "--cached", chance: 0.2, value: () => file("digests") },
    { name: "--create", chance: 0.2 },
  ],
  retrieve: [...IO, COMPRESS, BWLIMIT],
  save: [...IO, ...WRITING],
};
