// Random contents of a source or destination, and random changes to them.
import { BLOCK } from "../support/files/files.ts";
import type { Random } from "./random.ts";

/** Lengths at which a block, a sector or a batch begins or ends, and their neighbours. */
const EDGES = [0, 1, 511, 512, 513, 4095, 4096, 4097, BLOCK - 1, BLOCK, BLOCK + 1, 2 ** 20];

/** A random length of a file. */
export function someLength(random: Random, most: number): number {
  if (random.chance(0.2)) return Math.min(most, random.pick(EDGES));
  if (random.chance(0.3)) return Math.min(most, random.between(1, most / BLOCK) * BLOCK);
  return random.between(1, most);
}

/** Random content with runs of noise, of text, of zeros, and of one repeated byte. */
export function someContent(random: Random, length: number): Buffer {
  const content = Buffer.alloc(length);
  for (let at = 0; at < length;) {
    const run = Math.min(length - at, random.between(1, Math.max(1, length / 2)));
    fill(random, content.subarray(at, at + run));
    at += run;
  }
  return content;
}

function fill(random: Random, part: Buffer): void {
  switch (random.pick(["noise", "text", "zeros", "byte"] as const)) {
    case "noise":
      random.bytes(part.length).copy(part);
      break;
    case "text":
      part.fill(`line ${random.between(0, 1e6)} of a log that repeats itself\n`);
      break;
    case "zeros":
      part.fill(0);
      break;
    case "byte":
      part.fill(random.between(1, 255));
      break;
  }
}

/** Ways to change a content without a change to its length. */
const CHANGES: readonly ((random: Random, content: Buffer) => void)[] = [
  // Single bytes.
  (random, content) => {
    for (let left = random.between(1, 8); left > 0; left -= 1) {
      const at = random.between(0, content.length - 1);
      content[at] = (content[at] ?? 0) ^ random.between(1, 255);
    }
  },
  // The first byte, or the last.
  (random, content) => {
    const at = random.pick([0, content.length - 1]);
    content[at] = (content[at] ?? 0) ^ 1;
  },
  // Runs of any kind, from any byte on.
  (random, content) => {
    for (let left = random.between(1, 4); left > 0; left -= 1)
      fill(random, somePart(random, content));
  },
  // Whole blocks and pages of zeros.
  (random, content) => {
    const unit = random.pick([4096, BLOCK]);
    for (let left = random.between(1, 6); left > 0; left -= 1) {
      const at = random.between(0, Math.floor(content.length / unit)) * unit;
      content.fill(0, at, Math.min(content.length, at + unit));
    }
  },
  // A part of it somewhere else: the same bytes at another place.
  (random, content) => {
    const from = Buffer.from(somePart(random, content));
    from.copy(content, random.between(0, content.length - 1));
  },
  // Everything.
  (random, content) => fill(random, content),
];

function somePart(random: Random, content: Buffer): Buffer {
  const from = random.between(0, content.length - 1);
  return content.subarray(from, random.between(from + 1, content.length));
}

/** A changed copy of `content` with the same length. */
export function changed(random: Random, content: Buffer): Buffer {
  const result = Buffer.from(content);
  if (result.length > 0)
    for (let left = random.between(1, 3); left > 0; left -= 1) random.pick(CHANGES)(random, result);
  return result;
}

/** The content with another length: cut off, or grown by bytes or zeros. */
export function resized(random: Random, content: Buffer, most: number): Buffer {
  const length = random.chance(0.3)
    ? Math.max(0, Math.min(most, content.length + random.pick([-1, 1, -512, 512, -4096, 4096])))
    : someLength(random, most);
  const tail = Math.max(0, length - content.length);
  return Buffer.concat([
    content.subarray(0, length),
    random.chance(0.5) ? random.bytes(tail) : Buffer.alloc(tail),
  ]);
}
