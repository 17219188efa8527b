import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Kernel, pathOf, programsToCopy } from "./programs.ts";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
const INSIDE = fileURLToPath(new URL("../inside", import.meta.url));
const KEPT = join(PROJECT, "target/guest");

/** Drivers of the disk that has /usr. */
const FIRST_MODULES = ["virtio_pci", "virtio_blk"];
const FOLDERS = "proc sys dev run tmp mnt usr etc root var/lib var/tmp";
const UDEV = "/usr/lib/udev";

/** Makes the image of the guest's /usr from programs of this host, unless the one of an earlier run still fits. */
export function usrImage(kernel: Kernel): string {
  const programs = programsToCopy();
  const key = createHash("sha256").update(kernel.version);
  for (const program of programs) {
    const { size, mtimeMs } = statSync(program);
    key.update(`${program} ${size} ${mtimeMs}\n`);
  }
  const image = join(KEPT, `usr-${key.digest("hex").slice(0, 16)}.img`);
  if (!existsSync(image)) {
    rmSync(KEPT, { recursive: true, force: true });
    mkdirSync(KEPT, { recursive: true });
    withFolder((folder) => {
      fillUsr(folder, programs, kernel);
      makeFileSystem(folder, image);
    });
  }
  return image;
}

/** Makes the guest's first file system: its init, the built program and the topics. */
export function initramfs(kernel: Kernel, extraFiles: Readonly<Record<string, string>>): Buffer {
  return withFolder((root) => {
    for (const folder of FOLDERS.split(" ")) mkdirSync(join(root, folder), { recursive: true });
    for (const link of ["bin", "sbin", "lib", "lib64"])
      symlinkSync(`usr/${link}`, join(root, link));
    copyFileSync(pathOf("busybox")!, join(root, "busybox"));
    copyFileSync(join(INSIDE, "init"), join(root, "init"));
    chmodSync(join(root, "init"), 0o755);
    cpSync(INSIDE, join(root, "guest"), { recursive: true });
    for (const [name, text] of Object.entries(extraFiles))
      writeFileSync(join(root, "guest", name), text);
    copyProgram(join(root, "project"));
    mkdirSync(join(root, "modules"));
    for (const [index, module] of firstModules(kernel).entries()) {
      copyFileSync(module, join(root, "modules", `${index}-${basename(module)}`));
    }
    return archive(root);
  });
}

/** The files of the first drivers and of what they need, in the order in which they are loaded. */
function firstModules(kernel: Kernel): string[] {
  const files = FIRST_MODULES.flatMap((name) => {
    const list = execFileSync(pathOf("modprobe")!, ["-S", kernel.version, "--show-depends", name]);
    return [...list.toString().matchAll(/^insmod (\S+)/gm)].map(([, file]) => file!);
  });
  return [...new Set(files)];
}

/** The program as `npm run build` has made it. */
function copyProgram(to: string): void {
  const engine = "npm/linux-x64-gnu";
  mkdirSync(join(to, "node_modules"), { recursive: true });
  cpSync(join(PROJECT, "dist/cli"), join(to, "dist/cli"), { recursive: true });
  cpSync(join(PROJECT, engine), join(to, "node_modules/blockcopy-linux-x64-gnu"), {
    recursive: true,
  });
  copyFileSync(join(PROJECT, "package.json"), join(to, "package.json"));
}

function fillUsr(usr: string, programs: readonly string[], kernel: Kernel): void {
  const udev = readdirSync(UDEV).map((name) => join(UDEV, name));
  const helpers = udev.filter((path) => statSync(path).isFile());
  const daemon = "/usr/lib/systemd/systemd-udevd";
  const started = [...programs, ...helpers, ...(existsSync(daemon) ? [daemon] : [])];
  for (const file of new Set([started, librariesOf(started)].flat())) {
    // Each path is kept as it is, and files take the place of links: what a program finds by its name works.
    const path = join(realpathSync(dirname(file)), basename(file));
    if (!path.startsWith("/usr/")) continue;
    const copy = join(usr, path.slice("/usr".length));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
  }
  cpSync(join(UDEV, "rules.d"), join(usr, "lib/udev/rules.d"), { recursive: true });
  for (const name of ["local", "share/etc"]) mkdirSync(join(usr, name), { recursive: true });
  if (existsSync("/etc/lvm")) cpSync("/etc/lvm", join(usr, "share/etc/lvm"), { recursive: true });
  cpSync(kernel.modules, join(usr, "lib/modules", kernel.version), { recursive: true });
}

/** The shared libraries that these programs load when they start, and the loader itself. */
function librariesOf(programs: readonly string[]): string[] {
  // Exit code 1 only says that one of them is not dynamic.
  const { stdout } = spawnSync("ldd", programs, { encoding: "utf8", maxBuffer: 1 << 26 });
  return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path]) => path!);
}

function makeFileSystem(folder: string, image: string): void {
  const unfinished = `${image}.new`;
  const options = ["-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d", folder];
  execFileSync(pathOf("mke2fs")!, [...options, unfinished, "512M"], { stdio: "pipe" });
  renameSync(unfinished, image);
}

function archive(root: string): Buffer {
  const names = execFileSync("find", ["."], { cwd: root });
  return execFileSync("cpio", ["--create", "--format=newc", "--quiet", "--owner=0:0"], {
    cwd: root,
    input: names,
    maxBuffer: 1 << 28,
  });
}

function withFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(KEPT, "tree-"));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
