// The two ends of a copy: files and loop devices.
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { writeSparse } from "../support/files/files.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { changed, resized, someContent, someLength } from "./content.ts";
import type { Random } from "./random.ts";

/** The largest file or device, in bytes. */
const MOST = 5 * 2 ** 20;

/** One end of a copy. */
interface End {
  path: string;
  isDevice: boolean;
  /** The bytes that it has now. */
  read(): Buffer;
  /** Replaces all bytes; a device keeps its length. */
  write(content: Buffer): void;
}

/** The source and the destination of the copies of one round. */
export interface Pair {
  folder: string;
  source: End;
  destination: End;
}

/** Makes a random pair. Most are of one length, because all else is refused unless options allow it. */
export function somePair(t: TestContext, random: Random, folder: string): Pair {
  const kind = (): Kind =>
    lackingLoop === false && random.chance(0.4) ? random.pick(["loop512", "loop4096"]) : "file";
  const [from, to] = [kind(), kind()];
  let content = someContent(random, someLength(random, MOST));
  // A device has whole sectors, and a copy to a device needs a source that fits.
  if (from !== "file" || to !== "file")
    content = Buffer.concat([content, random.bytes(roundUp(content.length) - content.length)]);
  const source = make(t, join(folder, "source"), from, content, random);
  const other = random.chance(0.6) ? changed(random, content) : someContent(random, content.length);
  const destination = make(t, join(folder, "destination"), to, other, random);
  return { folder, source, destination };
}

type Kind = "file" | "loop512" | "loop4096";

function roundUp(length: number): number {
  return Math.max(1, Math.ceil(length / 4096)) * 4096;
}

function make(t: TestContext, path: string, kind: Kind, content: Buffer, random: Random): End {
  if (kind === "file") {
    const file = fileAt(path, random);
    file.write(content);
    return file;
  }
  const folder = join(path, "..");
  const loop = loopWith(t, folder, content, { sectorSize: kind === "loop512" ? 512 : 4096 });
  return {
    path: loop.path,
    isDevice: true,
    read: () => deviceContent(loop),
    write: (bytes) => {
      const fd = openSync(loop.path, "r+");
      try {
        for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    },
  };
}

function fileAt(path: string, random: Random): End {
  return {
    path,
    isDevice: false,
    read: () => readFileSync(path),
    write: (content) => {
      if (random.chance(0.5)) {
        rmSync(path, { force: true });
        writeSparse(path, content);
        return;
      }
      const fd = openSync(path, "w");
      try {
        writeSync(fd, content, 0, content.length, 0);
      } finally {
        closeSync(fd);
      }
    },
  };
}

/** Changes the source as a day between two copies does; its length, too, if both ends are files. */
export function changeSource({ source, destination }: Pair, random: Random): void {
  const before = source.read();
  const isFixed = source.isDevice || destination.isDevice || random.chance(0.7);
  const after = changed(random, before);
  source.write(isFixed ? after : resized(random, after, MOST));
}

/** Changes the destination as another program might. */
export function changeDestination({ destination }: Pair, random: Random): void {
  const before = destination.read();
  const isFixed = destination.isDevice || random.chance(0.7);
  destination.write(isFixed ? changed(random, before) : resized(random, before, MOST));
}
