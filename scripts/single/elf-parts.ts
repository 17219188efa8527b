// Reads and changes what the kernel and the dynamic linker read of an ELF file of 64 bits, elf(5).

/** A program header. */
export interface Header {
  type: number;
  flags: number;
  offset: number;
  address: number;
  fileSize: number;
  memorySize: number;
  alignment: number;
}

/** Offsets in the ELF header, and the size of a program header. */
export const ELF = {
  entry: 24,
  headers: 32,
  sections: 40,
  headerCount: 56,
  sectionCount: 60,
  sectionNames: 62,
  headerSize: 56,
} as const;

/** Types of program headers. */
export const PT = { load: 1, dynamic: 2, note: 4, headers: 6, stack: 0x6474_e551 } as const;

/** Flags of program headers. */
export const PF = { execute: 1, write: 2, read: 4 } as const;

/** Tags of a dynamic section. Nothing reads the last one. */
const DT = { needed: 1n, strings: 5n, unused: 0x6000_0000n } as const;

/** Reads the program headers. */
export function headersOf(file: Buffer): Header[] {
  const start = Number(file.readBigUInt64LE(ELF.headers));
  return Array.from({ length: file.readUInt16LE(ELF.headerCount) }, (_, index) => {
    const at = start + index * ELF.headerSize;
    const number = (offset: number): number => Number(file.readBigUInt64LE(at + offset));
    return {
      type: file.readUInt32LE(at),
      flags: file.readUInt32LE(at + 4),
      offset: number(8),
      address: number(16),
      fileSize: number(32),
      memorySize: number(40),
      alignment: number(48),
    };
  });
}

/** Writes a program header into a table. */
export function putHeader(file: Buffer, table: number, index: number, header: Header): void {
  const at = table + index * ELF.headerSize;
  file.writeUInt32LE(header.type, at);
  file.writeUInt32LE(header.flags, at + 4);
  const numbers = [
    header.offset,
    header.address,
    header.address,
    header.fileSize,
    header.memorySize,
    header.alignment,
  ];
  for (const [place, number] of numbers.entries())
    file.writeBigUInt64LE(BigInt(number), at + 8 + 8 * place);
}

/** True for a part that is mapped. */
export function isLoaded({ type }: Header): boolean {
  return type === PT.load;
}

/** Returns a copy of a file without the sections that are not mapped, as symbols and debug information, and without the table of sections. */
export function withoutSymbols(file: Buffer): Buffer {
  const ends = headersOf(file)
    .filter(isLoaded)
    .map(({ offset, fileSize }) => offset + fileSize);
  const kept = Buffer.from(file.subarray(0, Math.max(...ends)));
  kept.writeBigUInt64LE(0n, ELF.sections);
  kept.writeUInt16LE(0, ELF.sectionCount);
  kept.writeUInt16LE(0, ELF.sectionNames);
  return kept;
}

/** An entry of the dynamic section that names a library. */
interface Need {
  /** Offset of the entry in the file. */
  at: number;
  name: string;
  /** Address of the name. */
  address: number;
}

/** Returns a file that does not ask for these libraries any more. What it takes from them is found if something else has loaded them. */
export function withoutNeeds(file: Buffer, names: ReadonlySet<string>): Buffer {
  for (const { at, name } of needsOf(file))
    if (names.has(name)) file.writeBigUInt64LE(DT.unused, at);
  return file;
}

/**
 * Returns the address of the name by which a program asks for a library.
 *
 * @param room bytes that are written there at the start
 * @throws Error if they cannot be
 */
export function addressOfNeeded(file: Buffer, library: string, room: number): number {
  const needs = needsOf(file);
  const need = needs.find(({ name }) => name === library);
  if (need === undefined) throw new Error(`there is no need for ${library}`);
  const isWritable = headersOf(file).some(
    (load) => isLoaded(load) && (load.flags & PF.write) !== 0 && contains(load, need.address),
  );
  const isShared = needs.some(
    ({ address }) => address > need.address && address <= need.address + library.length,
  );
  if (!isWritable || isShared || library.length + 1 < room)
    throw new Error(`the name of ${library} cannot be replaced`);
  return need.address;
}

function needsOf(file: Buffer): Need[] {
  const headers = headersOf(file);
  const dynamic = headers.find(({ type }) => type === PT.dynamic);
  if (dynamic === undefined) throw new Error("the file is linked statically");
  const entries = Array.from({ length: Math.floor(dynamic.fileSize / 16) }, (_, index) => {
    const at = dynamic.offset + index * 16;
    return { at, tag: file.readBigUInt64LE(at), value: Number(file.readBigUInt64LE(at + 8)) };
  });
  const strings = entries.find(({ tag }) => tag === DT.strings)?.value ?? 0;
  return entries
    .filter(({ tag }) => tag === DT.needed)
    .map(({ at, value }) => {
      const address = strings + value;
      const load = headers.find((header) => isLoaded(header) && contains(header, address));
      if (load === undefined) throw new Error("a name is not in the file");
      const offset = address - load.address + load.offset;
      return { at, address, name: file.toString("latin1", offset, file.indexOf(0, offset)) };
    });
}

function contains({ address, fileSize }: Header, place: number): boolean {
  return place >= address && place < address + fileSize;
}
