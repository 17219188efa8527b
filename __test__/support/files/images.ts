// Images of disks, as qemu-img makes and reads them.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { system } from "../programs/tools.ts";
import { noise, scratch } from "./files.ts";

const MIB = 1024 * 1024;

/** A raw disk in a folder, and functions for images of it. */
export interface Disks {
  /** The raw disk. */
  raw: string;
  /** Returns a path in the folder. */
  at: (name: string) => string;
  /** Makes an image of the disk, or of other content, in the format that its name ends with. Returns its path. */
  image: (name: string, content?: Buffer) => string;
  /** Reads the disk in an image. */
  contentOf: (image: string) => Buffer;
}

/** Data, zeros and data: a multiple of what every format rounds the size of a disk to. */
export const DISK = Buffer.concat([
  noise("a", 2 * MIB),
  Buffer.alloc(4 * MIB),
  noise("b", 2 * MIB),
]);

/** Makes a file with the content of a disk, and returns functions for images of it. */
export function disks(t: TestContext): Disks {
  const folder = scratch(t);
  const at = (name: string): string => join(folder, name);
  const raw = at("disk");
  writeFileSync(raw, DISK);
  return {
    raw,
    at,
    image: (name, content = DISK) => {
      const [from, to] = [at("content"), at(name)];
      writeFileSync(from, content);
      system("qemu-img", "convert", "-f", "raw", "-O", name.split(".").pop() ?? "", from, to);
      return to;
    },
    contentOf: (image) => {
      const to = at("converted");
      system("qemu-img", "convert", "-O", "raw", image, to);
      return readFileSync(to);
    },
  };
}
