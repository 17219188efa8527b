import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Without these the guest does not start. */
const NEEDED = [
  "qemu-system-x86_64",
  "mke2fs",
  "cpio",
  "busybox",
  "modprobe",
  "ldd",
  "bash",
  "node",
];

/** Programs that the guest gets, where this host has them. A row that needs a missing one skips itself. */
const COPIED = `
  bash sh node modprobe udevadm stty lvm lvs vgcreate lvcreate lvchange lvextend lvremove lvconvert
  dmsetup thin_delta thin_check mdadm cryptsetup mkfs.ext4 mkfs.xfs mkfs.btrfs mkswap swapon mount umount
  fusermount3 bindfs sfdisk blkid blockdev losetup ssh sshd ssh-keygen fallocate blkdiscard
  dd cmp sha256sum cat ls cp mv rm ln mkdir mknod truncate stat timeout head tail cut tr wc sleep sync env
  chmod chown df readlink grep sed basename dirname id uname mktemp nproc seq sort kill date true false od`;

export const DEBIAN_PACKAGES =
  "qemu-system-x86 linux-image-cloud-amd64 busybox-static cpio e2fsprogs fdisk udev kmod dmsetup lvm2 " +
  "thin-provisioning-tools mdadm cryptsetup-bin xfsprogs btrfs-progs fuse2fs fuse3 bindfs openssh-server openssh-client";

export interface Kernel {
  readonly version: string;
  readonly image: string;
  readonly modules: string;
}

/** The newest of Debian's kernels for virtual machines, or `undefined`. */
export function findKernel(): Kernel | undefined {
  const images = existsSync("/boot") ? readdirSync("/boot") : [];
  const versions = images.flatMap((name) => /^vmlinuz-(.*-cloud-amd64)$/.exec(name)?.[1] ?? []);
  const version = versions
    .filter((each) => existsSync(`/lib/modules/${each}`))
    .toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .at(-1);
  if (version === undefined) return undefined;
  return { version, image: `/boot/vmlinuz-${version}`, modules: `/lib/modules/${version}` };
}

/** Says why no guest can run here; `undefined` if one can. */
export function whyNot(): string | undefined {
  if (process.arch !== "x64") return "the guest is made for x86-64";
  const missing = NEEDED.filter((name) => pathOf(name) === undefined);
  if (missing.length > 0) return `${missing.join(", ")} not found`;
  if (findKernel() === undefined) return "no kernel /boot/vmlinuz-*-cloud-amd64 with its modules";
  return undefined;
}

/** The paths of the programs that the guest gets. */
export function programsToCopy(): string[] {
  return COPIED.trim()
    .split(/\s+/)
    .flatMap((name) => pathOf(name) ?? []);
}

/** The path of a program, looked for in the folders of root's PATH too. */
export function pathOf(name: string): string | undefined {
  const folders = [
    ...(process.env["PATH"] ?? "").split(":"),
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
  ];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
