// Reads from a shared object what the dynamic linker reads: see elf(5), and for versions the Linux Standard Base, "Symbol Versioning".

/** Requirements of a shared object on the host that loads it. */
export interface Elf {
  /** Number of the machine in elf(5). */
  machine: number;
  /** Libraries, by their names. */
  needed: string[];
  /** Versions of symbols, as `GLIBC_2.17`. */
  versions: string[];
  /** Symbols that must be found when it is loaded. */
  required: string[];
  /** The number of functions that run when it is loaded. */
  constructors: number;
}

interface Section {
  type: number;
  start: number;
  size: number;
  entry: number;
  link: number;
}

/** Types of sections. */
const TYPE = { dynamic: 6, symbols: 11, constructors: 14, versionNeeds: 0x6fff_fffe } as const;

const DT_NEEDED = 1;
const STB_WEAK = 2;

/**
 * Reads an ELF file of 64 bits, little-endian.
 *
 * @throws Error if it is another kind of file; RangeError if it is cut off
 */
export function readElf(file: Buffer): Elf {
  if (file.toString("latin1", 0, 6) !== "\x7fELF\x02\x01")
    throw new Error("expected an ELF file of 64 bits, little-endian");
  const sections = sectionsOf(file);
  const nameIn = ({ link }: Section, offset: number): string => {
    const start = (sections[link]?.start ?? Number.NaN) + offset;
    return file.toString("latin1", start, file.indexOf(0, start));
  };
  const entries = (type: number, size: number): [section: Section, at: number][] =>
    sections
      .filter((section) => section.type === type)
      .flatMap((section) =>
        Array.from({ length: Math.floor(section.size / size) }, (_, index): [Section, number] => [
          section,
          section.start + index * size,
        ]),
      );

  return {
    machine: file.readUInt16LE(18),
    needed: entries(TYPE.dynamic, 16)
      .filter(([, at]) => file.readBigInt64LE(at) === BigInt(DT_NEEDED))
      .map(([section, at]) => nameIn(section, Number(file.readBigUInt64LE(at + 8)))),
    versions: sections
      .filter(({ type }) => type === TYPE.versionNeeds)
      .flatMap((section) => versionNeeds(file, section).map((name) => nameIn(section, name))),
    required: entries(TYPE.symbols, 24)
      // The first symbol is empty. One without a section is looked for in other libraries, and a weak one may be missing.
      .filter(([section, at]) => at > section.start && file.readUInt16LE(at + 6) === 0)
      .filter(([, at]) => file.readUInt8(at + 4) >> 4 !== STB_WEAK)
      .map(([section, at]) => nameIn(section, file.readUInt32LE(at))),
    constructors: entries(TYPE.constructors, 8).length,
  };
}

function sectionsOf(file: Buffer): Section[] {
  const start = Number(file.readBigUInt64LE(40));
  const size = file.readUInt16LE(58);
  return Array.from({ length: file.readUInt16LE(60) }, (_, index) => {
    const at = start + index * size;
    return {
      type: file.readUInt32LE(at + 4),
      start: Number(file.readBigUInt64LE(at + 24)),
      size: Number(file.readBigUInt64LE(at + 32)),
      link: file.readUInt32LE(at + 40),
      entry: Number(file.readBigUInt64LE(at + 56)),
    };
  });
}

/** Returns the places of the names of the versions that a section asks for: a list for each library. */
function versionNeeds(file: Buffer, { start }: Section): number[] {
  const names: number[] = [];
  for (let library = start, next = -1; next !== 0; library += next) {
    let version = library + file.readUInt32LE(library + 8);
    for (let left = file.readUInt16LE(library + 2); left > 0; left--) {
      names.push(file.readUInt32LE(version + 8));
      version += file.readUInt32LE(version + 12);
    }
    next = file.readUInt32LE(library + 12);
  }
  return names;
}
