import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, copyFileSync, openSync, writeSync } from "node:fs";

const MIB = 1024 * 1024;
const SIZE = 2048 * MIB;

/** Two files of 2 GiB that differ in a busy region, as a database makes it, and in a few places elsewhere. */
export function makeSample(source: string, destination: string): void {
  const piece = randomBytes(16 * MIB);
  const file = openSync(source, "w");
  for (let offset = 0; offset < SIZE; offset += piece.length) {
    piece.writeDoubleBE(Math.random());
    writeSync(file, piece, 0, piece.length, offset);
  }
  closeSync(file);
  copyFileSync(source, destination);
  const copy = openSync(destination, "r+");
  const change = randomBytes(300_000);
  for (const offset of [4, 480, 1562, 1953])
    writeSync(copy, change, 0, change.length, offset * MIB);
  for (let step = 0; step < 120; step += 1) {
    const length = Math.ceil(Math.random() * change.length);
    writeSync(copy, change, 0, length, (600 + step) * MIB + step * 777);
  }
  closeSync(copy);
  execFileSync("sync", [source, destination]);
}
