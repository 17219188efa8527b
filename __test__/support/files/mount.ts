// Small filesystems for tests that fill one up or copy onto a device in use.
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { defer, onceFree } from "../cleanup.ts";
import { attach, type Loop } from "./loop.ts";
import { system } from "../programs/tools.ts";

function mount(t: TestContext, folder: string, ...args: string[]): string {
  const point = join(folder, `mounted-${process.hrtime.bigint()}`);
  mkdirSync(point);
  mountAt(t, point, ...args);
  return point;
}

/** Mounts on `point`, until the test ends. `args` go to mount(8). */
export function mountAt(t: TestContext, point: string, ...args: string[]): void {
  system("mount", ...args, point);
  defer(t, () => onceFree(() => system("umount", point)));
}

/** Mounts a tmpfs that holds `size` bytes at most, until the test ends; returns its mount point. */
export function mountTmpfs(t: TestContext, folder: string, size: number): string {
  return mount(t, folder, "-t", "tmpfs", "-o", `size=${size}`, "tmpfs");
}

/** Mounts a ramfs, whose files refuse O_DIRECT at open(2), until the test ends; returns its mount point. */
export function mountRamfs(t: TestContext, folder: string): string {
  return mount(t, folder, "-t", "ramfs", "ramfs");
}

/**
 * Makes an ext4 filesystem on the device and mounts it until the test ends; returns its mount point. It claims the
 * device as any mount does, but read-only: otherwise it would write to the device whenever it likes.
 */
export function mountExt4(t: TestContext, folder: string, loop: Loop): string {
  system("mkfs.ext4", "-q", loop.path);
  return mount(t, folder, "-o", "ro", loop.path);
}

/** As {@link mountExt4}, for writing to the filesystem. Nothing is kept for root, so that it can be filled. */
export function mountEmptyExt4(t: TestContext, folder: string, loop: Loop): string {
  system("mkfs.ext4", "-q", "-m", "0", loop.path);
  return mount(t, folder, loop.path);
}

/** As {@link mountEmptyExt4}, with inodes that keep times in whole seconds. */
export function mountInSeconds(t: TestContext, folder: string, loop: Loop): string {
  system("mkfs.ext4", "-q", "-I", "128", loop.path);
  return mount(t, folder, loop.path);
}

/** As {@link mountEmptyExt4}, without extents, as a file system of ext3 is. */
export function mountWithoutExtents(t: TestContext, folder: string, loop: Loop): string {
  system("mkfs.ext4", "-q", "-O", "^extent,^64bit,^has_journal", loop.path);
  return mount(t, folder, loop.path);
}

/** Mounts an overlay whose upper layer is in `lower`, until the test ends; returns its mount point. */
export function mountOverlay(t: TestContext, folder: string, lower: string): string {
  const [below, upper, work] = ["below", "upper", "work"].map((name) => join(lower, name));
  for (const each of [below, upper, work]) mkdirSync(each ?? "");
  return mount(
    t,
    folder,
    "-t",
    "overlay",
    "-o",
    `lowerdir=${below},upperdir=${upper},workdir=${work}`,
    "overlay",
  );
}

/** Makes a file system of `size` bytes whose files can be cloned, and mounts it until the test ends; returns its mount point. */
export function mountCloning(
  t: TestContext,
  folder: string,
  { type, size }: { type: "xfs" | "btrfs"; size: number },
): string {
  const backing = join(folder, `${type}-image`);
  writeFileSync(backing, "");
  truncateSync(backing, size);
  const loop = attach(t, backing);
  system(`mkfs.${type}`, "-q", loop.path);
  return mount(t, folder, loop.path);
}

/** A loop device over a file of 4 MiB with an ext4 filesystem that is mounted until the test ends. Its last block is free. */
export function mountedLoop(
  t: TestContext,
  folder: string,
): { backing: string; loop: Loop; point: string } {
  const backing = join(folder, "filesystem");
  writeFileSync(backing, Buffer.alloc(4 * 2 ** 20));
  const loop = attach(t, backing);
  return { backing, loop, point: mountExt4(t, folder, loop) };
}
