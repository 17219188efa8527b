import { ELF, type Header, headersOf, isLoaded, PT, putHeader } from "./elf-parts.ts";

/** The largest page of any kernel: of some for ARM64. */
const PAGE = 0x1_0000;

/** An executable that grows. Its first part, a program, keeps its addresses. Only what is mapped is in the file. */
export class Image {
  readonly #chunks: Buffer[] = [];
  readonly #loads: Header[] = [];
  /** Length of the file. */
  #length = 0;
  /** The end of the last part in memory. */
  #end = 0;

  /** The headers of the first part that the kernel reads although nothing is mapped by them. */
  readonly #others: Header[];

  /** @throws Error if the ELF header and the program headers are not at the beginning of what is mapped */
  constructor(first: Buffer) {
    this.#appendLoads(first, 0);
    this.#others = headersOf(first).filter(({ type }) => type === PT.stack);
    const [begin] = this.#loads;
    const table = Number(first.readBigUInt64LE(ELF.headers));
    const end = table + headersOf(first).length * ELF.headerSize;
    if (begin?.offset !== 0 || begin.address !== 0 || begin.fileSize < end)
      throw new Error("the program does not begin with its headers, or has a fixed address");
  }

  /** Address of what is appended next. */
  next(): number {
    return roundUp(this.#end);
  }

  /** Appends content that is mapped with these rights, and returns its address. */
  append(content: Buffer, flags: number): number {
    const address = this.next();
    const { length } = content;
    const sizes = { fileSize: length, memorySize: length };
    this.#load({ type: PT.load, flags, offset: 0, address, ...sizes, alignment: PAGE }, content);
    return address;
  }

  /** Appends a program or library that is mapped as its own headers say, and returns the address of its beginning. */
  appendProgram(content: Buffer): number {
    const base = this.next();
    this.#appendLoads(content, base);
    return base;
  }

  /**
   * Returns the content of the file.
   *
   * @param entry address at which the kernel begins
   * @param note the header of a note, which replaces the first one in the table of the first part
   */
  finish(entry: number, note: Header): Buffer {
    const all = [...this.#loads, ...this.#others];
    const table = Buffer.alloc(all.length * ELF.headerSize);
    for (const [index, header] of all.entries()) putHeader(table, 0, index, header);
    const at = this.#add(table, 0);
    const content = Buffer.concat(this.#chunks);

    const index = headersOf(content).findIndex(({ type }) => type === PT.note);
    if (index < 0) throw new Error("the program has no note that could be replaced");
    putHeader(content, Number(content.readBigUInt64LE(ELF.headers)), index, note);
    content.writeBigUInt64LE(BigInt(entry), ELF.entry);
    content.writeBigUInt64LE(BigInt(at), ELF.headers);
    content.writeUInt16LE(all.length, ELF.headerCount);
    // Symbols and the like, which only the table of sections names, are not in the file.
    content.writeBigUInt64LE(0n, ELF.sections);
    content.writeUInt16LE(0, ELF.sectionCount);
    content.writeUInt16LE(0, ELF.sectionNames);
    return content;
  }

  #appendLoads(file: Buffer, base: number): void {
    for (const load of headersOf(file).filter(isLoaded)) {
      const content = file.subarray(load.offset, load.offset + load.fileSize);
      this.#load({ ...load, address: base + load.address }, content);
    }
  }

  #load(header: Header, content: Buffer): void {
    this.#loads.push({ ...header, offset: this.#add(content, header.address) });
    this.#end = Math.max(this.#end, header.address + header.memorySize);
  }

  /** Appends to the file; returns the offset, which has the same place in a page as the address. */
  #add(content: Buffer, address: number): number {
    let offset = roundUp(this.#length) + (address % PAGE);
    if (offset - PAGE >= this.#length) offset -= PAGE;
    this.#chunks.push(Buffer.alloc(offset - this.#length), content);
    this.#length = offset + content.length;
    return offset;
  }
}

function roundUp(value: number): number {
  return Math.ceil(value / PAGE) * PAGE;
}
