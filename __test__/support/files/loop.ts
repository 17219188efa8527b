// Loop devices: real block devices whose content, sector size and faults a test controls.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { TestContext } from "node:test";
import { defer } from "../cleanup.ts";
import { lackingRoot, system } from "../programs/tools.ts";

/** Options of a loop device. */
export interface LoopOptions {
  /** Logical sector size in bytes. */
  sectorSize?: 512 | 4096;
  readOnly?: boolean;
  /** Reads the backing file past the page cache, so that a cut backing file shows at once. */
  directIo?: boolean;
}

/** A loop device and its backing file. */
export interface Loop {
  path: string;
  backing: string;
}

/** Attaches `backing` to a free loop device until the test ends. */
export function attach(t: TestContext, backing: string, options: LoopOptions = {}): Loop {
  const args = ["--find", "--show", "--sector-size", String(options.sectorSize ?? 512)];
  if (options.readOnly) args.push("--read-only");
  if (options.directIo) args.push("--direct-io=on");
  const path = system("losetup", ...args, backing);
  defer(t, () => system("losetup", "--detach", path));
  return { path, backing };
}

/** A loop device that holds `content` (a multiple of the sector size), with its backing file in `folder`. */
export function loopWith(
  t: TestContext,
  folder: string,
  content: Buffer,
  options: LoopOptions = {},
): Loop {
  const backing = join(folder, `device-${process.hrtime.bigint()}`);
  writeFileSync(backing, content);
  return attach(t, backing, options);
}

/** The content of the device now, read past all caches. */
export function deviceContent(loop: Loop): Buffer {
  system("blockdev", "--flushbufs", loop.path);
  return readFileSync(loop.path);
}

/** The number of bytes written to the device since it was attached, by any process. */
export function bytesWritten(loop: Loop): number {
  const statistics = readFileSync(`/sys/block/${basename(loop.path)}/stat`, "utf8");
  // The seventh number, in sectors of 512 bytes whatever the device's are; see Documentation/block/stat.rst.
  return Number(statistics.trim().split(/\s+/)[6]) * 512;
}

/** Cuts the backing file under the device: every read past `size` is then an I/O error. */
export function cutBacking(loop: Loop, size: number): void {
  if (statSync(loop.backing).size <= size) throw new Error("nothing to cut");
  truncateSync(loop.backing, size);
  system("blockdev", "--flushbufs", loop.path);
}

function probe(): string | false {
  const reason = lackingRoot("losetup", "blockdev");
  if (reason !== false) return reason;
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-loop-"));
  try {
    const file = join(folder, "probe");
    writeFileSync(file, Buffer.alloc(4096));
    const tried = spawnSync("losetup", ["--find", "--show", file], {
      encoding: "utf8",
      timeout: 60_000,
    });
    if (tried.status !== 0) return `no loop devices here: ${(tried.stderr ?? "").trim()}`;
    system("losetup", "--detach", tried.stdout.trim());
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The reason that tests with loop devices cannot run here, or `false`. */
export const lackingLoop: string | false = probe();
