// Makes one ELF file of Node, of musl as its dynamic linker, and of what runs before both (crates/start). The kernel maps all of it:
//
//     Node
//     data: the program, the libraries that Node needs, and the engine
//     musl
//     the start, which the kernel runs first
//
// The kernel is given a table of program headers with all of these, and musl that of Node.
import {
  addressOfNeeded,
  ELF,
  headersOf,
  isLoaded,
  PF,
  PT,
  withoutNeeds,
  withoutSymbols,
} from "./elf-parts.ts";
import { Image } from "./image.ts";

/** The parts of an executable, each as the content of its file. */
export interface Parts {
  node: Buffer;
  /** The program as `node --experimental-sea-config` has prepared it. */
  program: Buffer;
  start: Buffer;
  musl: Buffer;
  engine: Buffer;
  /** The two libraries that Node needs in addition to libc, by the names that it needs them by. */
  libraries: ReadonlyMap<string, Buffer>;
}

/** The name of the note that Node looks for, and the text that says if there is one: postject's names. */
const NOTE = "NODE_SEA_BLOB";
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** The first value of the table in crates/start/src/layout.rs, which this fills in. */
const MARK = 0x5bc0_ffee_0b10_ccc1n;

/** Bytes that the start writes for the path of a library: PATH_LENGTH in crates/start/src/stack.rs. */
const PATH_LENGTH = 22;

/**
 * Returns the content of the executable.
 *
 * @throws Error if a part is not as expected
 */
export function assemble({ node, program, start, musl, engine, libraries }: Parts): Buffer {
  if (libraries.size !== 2) throw new Error(`expected two libraries, found ${libraries.size}`);
  const image = new Image(withFuse(node));
  const note = noteOf(program);
  const noteAt = image.append(note, PF.read);
  const files = [...libraries].flatMap(([name, library]) => {
    const content = withoutNeeds(withoutSymbols(library), new Set(libraries.keys()));
    const needed = addressOfNeeded(node, name, PATH_LENGTH);
    return [image.append(content, PF.read), content.length, needed];
  });
  const engineAt = image.append(engine, PF.read);
  const muslAt = image.appendProgram(musl);

  const { code, entry } = codeOf(start);
  const codeAt = image.next();
  const table = code.indexOf(bytesOf(MARK));
  if (table < 0) throw new Error("the start has no table");
  const values = [
    codeAt + table,
    headersAt(node),
    headersOf(node).length,
    entryOf(node),
    muslAt,
    muslAt + entryOf(musl),
    ...files,
    engineAt,
    engine.length,
  ];
  for (const [index, value] of values.entries())
    code.writeBigUInt64LE(BigInt(value), table + 8 * (index + 1));
  image.append(code, PF.read | PF.execute);
  return image.finish(codeAt + entry, {
    type: PT.note,
    flags: PF.read,
    offset: 0,
    address: noteAt,
    fileSize: note.length,
    memorySize: note.length,
    alignment: 4,
  });
}

/** Returns a note with the program, elf(5): the lengths of its name and of its content, its type, and both. */
function noteOf(program: Buffer): Buffer {
  const name = Buffer.from(`${NOTE}\0`);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(name.length, 0);
  head.writeUInt32LE(program.length, 4);
  const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);
  return Buffer.concat([head, name, padding(name.length), program, padding(program.length)]);
}

/** Returns Node with the text that makes it look for the note. */
function withFuse(node: Buffer): Buffer {
  const at = node.indexOf(`${FUSE}:0`);
  if (at < 0 || node.includes(`${FUSE}:0`, at + 1))
    throw new Error("this Node does not support single executables");
  const copy = Buffer.from(node);
  copy.write("1", at + FUSE.length + 1);
  return copy;
}

/** Returns the code of the start, and the offset in it at which it begins. */
function codeOf(start: Buffer): { code: Buffer; entry: number } {
  const load = headersOf(start).find(
    (header) => isLoaded(header) && (header.flags & PF.execute) !== 0,
  );
  if (load === undefined) throw new Error("the start has no code");
  const code = Buffer.from(start.subarray(load.offset, load.offset + load.fileSize));
  return { code, entry: entryOf(start) - load.address };
}

function entryOf(file: Buffer): number {
  return Number(file.readBigUInt64LE(ELF.entry));
}

/** Returns the address of the program headers. */
function headersAt(file: Buffer): number {
  const header = headersOf(file).find(({ type }) => type === PT.headers);
  if (header === undefined) throw new Error("the program does not say where its headers are");
  return header.address;
}

function bytesOf(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
