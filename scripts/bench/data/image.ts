import { existsSync } from "node:fs";
import { join } from "node:path";
import { makeHalfEmpty, makePrograms, makeSample } from "./programs.ts";
import type { Bench } from "../scenario.ts";

const MEBIBYTE = 1024 * 1024;
const MOST = 1024 * MEBIBYTE;

/** A file that is copied. */
export interface Image {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** The files of /usr/bin and /usr/lib one after another, up to 1 GiB. Made once, as the others here. */
export function programs({ folder, pair }: Bench): Image {
  const image = { path: join(folder, "programs"), size: Math.min(MOST, pair.size) };
  if (!existsSync(image.path)) makePrograms(image.path, image.size);
  return image;
}

/** As much of another one as `mebibytes`, in pieces of 1 MiB, evenly spaced. */
export function part({ path, size }: Image, mebibytes: number): Image {
  const image = { path: `${path}-${mebibytes}`, size: Math.min(size, mebibytes * MEBIBYTE) };
  if (!existsSync(image.path)) makeSample(path, size, image.path, image.size);
  return image;
}

/** Another one with zeros, written as such, for every other 16 MiB. */
export function halfEmpty({ path, size }: Image): Image {
  const image = { path: `${path}-half-empty`, size };
  if (!existsSync(image.path)) makeHalfEmpty(path, size, image.path);
  return image;
}

/** Data that cannot be compressed. */
export function random({ pair: { source, size } }: Bench): Image {
  return { path: source, size };
}
