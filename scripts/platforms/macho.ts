// Reads from a library of macOS what its dynamic linker reads: see `mach-o/loader.h` and `mach-o/nlist.h` of the system's headers.
import { isSigned } from "./code-signature.ts";

/** Requirements of a library on the host that loads it. */
export interface MachO {
  /** Number of the CPU in `mach/machine.h`. */
  cpu: number;
  /** Libraries, by their paths. */
  needed: string[];
  /** The oldest macOS that loads it, as `11.0`; undefined if it names none. */
  oldest: string | undefined;
  /** Symbols that must be found when it is loaded, each with the path of its library; undefined means "in the program". */
  required: { name: string; library: string | undefined }[];
  /** The number of functions that run when it is loaded: each registers a part of the engine with Node. */
  constructors: number;
  /** True if it has a signature that fits its content, which macOS on ARM64 demands. */
  signed: boolean;
}

/** Types of load commands. */
const COMMAND = {
  symbols: 0x2,
  segment: 0x19,
  library: 0xc,
  weakLibrary: 0x8000_0018,
  passedOnLibrary: 0x8000_001f,
  oldest: 0x24,
  signature: 0x1d,
  build: 0x32,
} as const;

/** Type of a section with pointers to functions that run when the file is loaded: `S_MOD_INIT_FUNC_POINTERS`. */
const CONSTRUCTORS = 0x9;

/** `MH_MAGIC_64`. */
const MAGIC = 0xfeed_facf;

/** Bits of `n_type`: a symbol for a debugger, the type, and one that other libraries see. */
const [N_STAB, N_TYPE, N_EXT] = [0xe0, 0x0e, 0x01];

/** Length of `struct nlist_64`. */
const SYMBOL = 16;

/**
 * Reads a Mach-O file of 64 bits for one CPU.
 *
 * @throws Error if it is another kind of file; RangeError if it is cut off
 */
export function readMachO(file: Buffer): MachO {
  if (file.length < 4 || file.readUInt32LE(0) !== MAGIC)
    throw new Error("expected a Mach-O file of 64 bits");
  const commands = commandsOf(file);
  const at = (...types: number[]): number[] =>
    commands.filter(({ type }) => types.includes(type)).map(({ start }) => start);

  const needed = at(COMMAND.library, COMMAND.weakLibrary, COMMAND.passedOnLibrary).map((start) =>
    textAt(file, start + file.readUInt32LE(start + 8)),
  );
  const [build] = at(COMMAND.build);
  const [older] = at(COMMAND.oldest);
  const version = build === undefined ? older && older + 8 : build + 12;
  return {
    cpu: file.readUInt32LE(4),
    needed,
    oldest: version === undefined ? undefined : versionAt(file, version),
    required: at(COMMAND.symbols).flatMap((start) => undefinedSymbols(file, start, needed)),
    constructors: at(COMMAND.segment).reduce((sum, start) => sum + constructorsIn(file, start), 0),
    signed: at(COMMAND.signature).some((start) => isSigned(file, file.readUInt32LE(start + 8))),
  };
}

function commandsOf(file: Buffer): { type: number; start: number }[] {
  const found = [];
  for (let left = file.readUInt32LE(16), start = 32; left > 0; left--) {
    found.push({ type: file.readUInt32LE(start), start });
    start += file.readUInt32LE(start + 4);
  }
  return found;
}

/** Returns the number of constructors in a segment. */
function constructorsIn(file: Buffer, segment: number): number {
  const count = file.readUInt32LE(segment + 64);
  const sections = Array.from({ length: count }, (_, index) => segment + 72 + index * 80);
  const sizes = sections
    .filter((section) => (file.readUInt32LE(section + 64) & 0xff) === CONSTRUCTORS)
    .map((section) => Number(file.readBigUInt64LE(section + 40)) / 8);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Returns the symbols that a symbol table does not define. */
function undefinedSymbols(file: Buffer, table: number, libraries: string[]): MachO["required"] {
  const [symbols = 0, count = 0, names = 0] = [8, 12, 16].map((offset) =>
    file.readUInt32LE(table + offset),
  );
  const entries = Array.from({ length: count }, (_, index) => symbols + index * SYMBOL);
  return entries
    .filter((at) => (file.readUInt8(at + 4) & (N_STAB | N_TYPE | N_EXT)) === N_EXT)
    .map((at) => ({
      name: textAt(file, names + file.readUInt32LE(at)),
      // The number of the library, counted from 1; other numbers stand for the program.
      library: libraries[file.readUInt8(at + 7) - 1],
    }));
}

function textAt(file: Buffer, start: number): string {
  return file.toString("latin1", start, file.indexOf(0, start));
}

/** Reads a version, with its last part, which is always 0, left out. */
function versionAt(file: Buffer, at: number): string {
  return `${file.readUInt16LE(at + 2)}.${file.readUInt8(at + 1)}`;
}
