import { randomUUID } from "node:crypto";
import { closeSync, constants, readSync, writeSync } from "node:fs";

import { describe, systemCode } from "../../errors/stream-errors.ts";
import type * as Binding from "../../native/binding.js";
import { openSync } from "../../native/files.ts";
import { SharedListError } from "./shared-list-error.ts";

/** Bytes for an identifier and a description, filled up with spaces. */
const HEADER_LENGTH = 1024;

/** Bytes in a note. The kernel writes that few in one step, so a process that is killed leaves a whole note or none. */
const NOTE_LENGTH = 32;

/** Notes between the header and the entries. */
const MOST_NOTES = 100;

/** The place of the first entry. */
const ENTRIES_AT = HEADER_LENGTH + MOST_NOTES * NOTE_LENGTH;

/** The details of an error about a list whose maker cannot be seen. */
const GONE = { makerGone: true } as const;

/** The numbers in a note. */
export type Note = readonly [number, number, number, number];

/** Characters of an identifier. */
const ID_LENGTH = 36;

/**
 * A list of bytes that several processes of a user on this host append to: a file in memory without a name. The kernel appends one byte after
 * the other (`O_APPEND`), whatever the processes do at the same time.
 *
 * It also has numbered notes of four numbers, which are 0 in the beginning. Only one process at a time may write each of them.
 */
export class SharedList {
  /**
   * The name by which other processes open it from this one: `PROCESS/DESCRIPTOR/ID`. The kernel lets only those of the same user, and root,
   * do so.
   */
  readonly name: string;
  /** The name by which this process has opened it. */
  readonly #opened: string;
  #description: string;
  readonly #file: number;
  /** The descriptor for the description and the notes; undefined until one is written. */
  #notes: number | undefined;

  private constructor(opened: string, description: string, file: number) {
    this.name = `${process.pid}/${file}/${opened.split("/")[2]}`;
    this.#opened = opened;
    this.#description = description;
    this.#file = file;
  }

  /**
   * Makes an empty list, without a description.
   *
   * @throws SharedListError; EngineFailure if the system has no files in memory
   */
  static create(native: Pick<typeof Binding, "makeMemoryFile">): SharedList {
    const id = randomUUID();
    const header = Buffer.alloc(ENTRIES_AT).fill(" ", 0, HEADER_LENGTH);
    header.write(id, "latin1");
    const file = native.makeMemoryFile();
    try {
      writeSync(file, header, 0, ENTRIES_AT, 0);
      // This descriptor stays open too: the other processes open the list by it.
      return SharedList.open(`${process.pid}/${file}/${id}`);
    } catch (error) {
      close(file);
      throw failure("make", error);
    }
  }

  /**
   * Opens the list of a process that still has it open.
   *
   * @param name its name there; more may follow after another slash
   * @throws SharedListError
   */
  static open(name: string): SharedList {
    const [owner, descriptor, id] = name.split("/");
    const path = `/proc/${owner}/fd/${descriptor}`;
    const header = Buffer.alloc(HEADER_LENGTH);
    let file: number | undefined;
    try {
      file = openSync(path, constants.O_RDWR | constants.O_APPEND);
      readSync(file, header, 0, HEADER_LENGTH, 0);
    } catch (error) {
      close(file);
      throw failure(`open ${path},`, error);
    }
    const text = header.toString("latin1");
    // The number of a process may have been given to another one since.
    if (text.slice(0, ID_LENGTH) !== id) {
      close(file);
      throw new SharedListError(`${path} is not the list of the parts of this copy`, GONE);
    }
    return new SharedList(name, text.slice(ID_LENGTH).trim(), file);
  }

  /** The text that it begins with. */
  get description(): string {
    return this.#description;
  }

  /**
   * Writes the description, before any other process opens the list.
   *
   * @param text ASCII, at most 987 characters
   * @throws SharedListError
   */
  describe(text: string): void {
    this.#writeAt(ID_LENGTH, Buffer.from(` ${text}`, "latin1"));
    this.#description = text;
  }

  /** The number of the process that the list was opened from. */
  get owner(): number {
    return Number(this.#opened.split("/")[0]);
  }

  /**
   * Checks that this process still runs.
   *
   * @throws SharedListError
   */
  confirm(): void {
    close(SharedList.open(this.#opened).#file);
  }

  /**
   * Appends a byte.
   *
   * @throws SharedListError
   */
  append(byte: number): void {
    try {
      writeSync(this.#file, Buffer.of(byte));
    } catch (error) {
      throw failure("write to", error);
    }
  }

  /**
   * Locks a number for as long as this process lives: the kernel releases it when the last thread has ended. Returns false if another
   * process has locked it.
   *
   * @throws EngineFailure
   */
  lock(native: Pick<typeof Binding, "lockByteForLife">, number: number): boolean {
    return native.lockByteForLife(`/proc/self/fd/${this.#file}`, number);
  }

  /**
   * Writes a note.
   *
   * @param number that of the note, below 100
   * @throws SharedListError
   */
  note(number: number, numbers: Note): void {
    const note = Buffer.from(Float64Array.from(numbers).buffer);
    this.#writeAt(HEADER_LENGTH + number * NOTE_LENGTH, note);
  }

  #writeAt(offset: number, bytes: Buffer): void {
    try {
      // The other descriptor would append it, whatever the offset; see pwrite(2).
      this.#notes ??= openSync(`/proc/self/fd/${this.#file}`, constants.O_WRONLY);
      writeSync(this.#notes, bytes, 0, bytes.length, offset);
    } catch (error) {
      throw failure("write to", error);
    }
  }

  /**
   * Returns a note.
   *
   * @throws SharedListError
   */
  noted(number: number): Note {
    const note = Buffer.alloc(NOTE_LENGTH);
    try {
      readSync(this.#file, note, 0, NOTE_LENGTH, HEADER_LENGTH + number * NOTE_LENGTH);
    } catch (error) {
      throw failure("read", error);
    }
    const [a = 0, b = 0, c = 0, d = 0] = new Float64Array(Uint8Array.from(note).buffer);
    return [a, b, c, d];
  }

  /**
   * Returns the entries from `place` on, as far as there are any.
   *
   * @param most the most entries to read
   * @throws SharedListError
   */
  entries(place: number, most: number): Buffer {
    const entries = Buffer.alloc(most);
    try {
      return entries.subarray(0, readSync(this.#file, entries, 0, most, ENTRIES_AT + place));
    } catch (error) {
      throw failure("read", error);
    }
  }
}

function close(file: number | undefined): void {
  if (file !== undefined) {
    closeSync(file);
  }
}

function failure(what: string, error: unknown): unknown {
  const code = systemCode(error);
  return code === undefined
    ? error
    : new SharedListError(
        `cannot ${what} the list of the parts of this copy: ${describe(code)}`,
        code === "ENOENT" ? GONE : {},
      );
}
