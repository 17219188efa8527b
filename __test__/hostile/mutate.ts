// Changes inputs at random, in the ways in which parsers fail.
import type { Random } from "./random.ts";

/** Longest input, in bytes. */
export const LONGEST = 8192;

/** Numbers at which lengths, counts and positions change their meaning. */
const NUMBERS = [
  0, 1, 2, 4, 6, 63, 64, 127, 128, 255, 256, 4084, 4085, 4096, 65_535, 65_536, 131_072, 16_777_216,
  16_777_217, 2_147_483_647, 2_147_483_648, 4_294_967_295,
].map(BigInt);

const LARGE = [2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];

/** Parts of inputs that random changes would not find. */
export interface Material {
  /** Words of the format. */
  words: readonly Uint8Array[];
  /** Other inputs. */
  others: readonly Uint8Array[];
}

type Change = (bytes: Buffer, random: Random, material: Material) => Uint8Array;

const CHANGES: readonly Change[] = [
  flipBit,
  setByte,
  setNumber,
  setNumber,
  stepNumber,
  removePart,
  repeatPart,
  movePart,
  cutEnd,
  insertBytes,
  insertWord,
  insertWord,
  replaceDigits,
  splice,
  splice,
];

/** Returns a changed copy of an input. */
export function mutated(
  bytes: Uint8Array,
  random: Random,
  material: Material,
  longest = LONGEST,
): Uint8Array {
  let changed: Uint8Array = bytes;
  for (let left = 1 + random.below(random.once(4) ? 8 : 3); left > 0; left -= 1) {
    changed = random.of(CHANGES)(Buffer.from(changed), random, material).subarray(0, longest);
  }
  return changed;
}

function flipBit(bytes: Buffer, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
}

function setByte(bytes: Buffer, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  if (at < bytes.length) bytes[at] = random.below(256);
  return bytes;
}

/** Writes a big-endian number of 1, 2, 4 or 8 bytes. */
function setNumber(bytes: Buffer, random: Random): Uint8Array {
  const width = random.of([1, 2, 4, 4, 8, 8]);
  if (bytes.length < width) return bytes;
  const number = random.of(width === 8 ? [...NUMBERS, ...LARGE, ...LARGE] : NUMBERS);
  writeNumber(bytes, random.below(bytes.length - width + 1), width, number);
  return bytes;
}

/** Adds a small number to a big-endian one. */
function stepNumber(bytes: Buffer, random: Random): Uint8Array {
  const width = random.of([1, 2, 4, 8]);
  if (bytes.length < width) return bytes;
  const at = random.below(bytes.length - width + 1);
  const number = BigInt(`0x${bytes.toString("hex", at, at + width)}`);
  writeNumber(bytes, at, width, number + BigInt(random.below(33) - 16));
  return bytes;
}

function writeNumber(bytes: Buffer, at: number, width: number, number: bigint): void {
  const digits = BigInt.asUintN(8 * width, number).toString(16);
  bytes.write(digits.padStart(2 * width, "0"), at, "hex");
}

function part(bytes: Buffer, random: Random): [number, number] {
  const length = 1 + random.below(random.once(3) ? bytes.length : Math.min(bytes.length, 32));
  const at = random.below(bytes.length - length + 1);
  return [at, at + length];
}

function removePart(bytes: Buffer, random: Random): Uint8Array {
  if (bytes.length === 0) return bytes;
  const [from, to] = part(bytes, random);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
}

function repeatPart(bytes: Buffer, random: Random): Uint8Array {
  if (bytes.length === 0) return bytes;
  const [from, to] = part(bytes, random);
  const times = random.once(8) ? random.below(200) : 2;
  const repeated = Array.from({ length: times }, () => bytes.subarray(from, to));
  return Buffer.concat([bytes.subarray(0, from), ...repeated, bytes.subarray(to)]);
}

function movePart(bytes: Buffer, random: Random): Uint8Array {
  if (bytes.length === 0) return bytes;
  const [from, to] = part(bytes, random);
  const moved = Buffer.from(bytes.subarray(from, to));
  const rest = Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  const at = random.below(rest.length + 1);
  return Buffer.concat([rest.subarray(0, at), moved, rest.subarray(at)]);
}

function cutEnd(bytes: Buffer, random: Random): Uint8Array {
  return bytes.subarray(0, random.below(bytes.length + 1));
}

function insertBytes(bytes: Buffer, random: Random): Uint8Array {
  const inserted = Buffer.alloc(1 + random.below(16), random.below(256));
  return insert(bytes, random, inserted);
}

function insertWord(bytes: Buffer, random: Random, { words }: Material): Uint8Array {
  const word = words.length === 0 ? Buffer.of(0) : random.of(words);
  if (random.once(2)) return insert(bytes, random, word);
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), word, bytes.subarray(at + word.length)]);
}

function insert(bytes: Buffer, random: Random, inserted: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}

/** Replaces a decimal number. */
function replaceDigits(bytes: Buffer, random: Random): Uint8Array {
  const text = bytes.toString("latin1");
  const numbers = [...text.matchAll(/\d+/g)];
  if (numbers.length === 0) return bytes;
  const found = random.of(numbers);
  const number = random.of([
    ...NUMBERS.map(String),
    ...LARGE.map(String),
    "-1",
    "0.5",
    "1e400",
    "",
  ]);
  const after = text.slice(found.index + found[0].length);
  return Buffer.from(text.slice(0, found.index) + number + after, "latin1");
}

/** Joins the beginning of an input and the end of another one. */
function splice(bytes: Buffer, random: Random, { others }: Material): Uint8Array {
  const other = random.of(others);
  const end = other.subarray(random.below(other.length + 1));
  return Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), end]);
}
