import type * as Binding from "../../native/binding.js";
import { readdirSync, readlinkSync, statSync } from "../../native/files.ts";
import { ImageError } from "./image-error.ts";

type Status = ReturnType<typeof statSync>;

/** Descriptors of the server that are no files of an image: its standard streams, and its socket. */
const OWN = 4;

/**
 * Refuses an image whose server has opened any other file than the one whose header was read. Whoever can write to its folder, or to
 * itself, may have replaced it in between by one that names other files.
 *
 * @param pid the server, which has opened all files of the image
 * @throws ImageError
 */
export function refuseOtherFiles(pid: number, file: string, container: Binding.Source): void {
  const identity = container.instance();
  if (process.platform !== "linux" || identity === null) {
    return;
  }
  const opened = filesOf(pid);
  const other = opened.find(({ stat }) => !identity.endsWith(` ${identityOf(stat)}`));
  if (other !== undefined || opened.length === 0) {
    throw new ImageError(
      `${file} was replaced while it was being opened: qemu-nbd has opened ${other?.name ?? "something else"}`,
      "nothing was copied; find out who changes it, and let only trusted users write to it and to its folder",
    );
  }
}

/** Lists the files and block devices that a process has open. */
function filesOf(pid: number): { name: string; stat: Status }[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder)
    .filter((fd) => Number(fd) >= OWN)
    .map((fd) => ({ stat: statSync(`${folder}/${fd}`), name: readlinkSync(`${folder}/${fd}`) }))
    .filter(({ stat }) => stat.isFile() || stat.isBlockDevice());
}

/** Returns the identity as the engine writes it, without that of the boot. */
function identityOf(stat: Status): string {
  return stat.isBlockDevice()
    ? `device ${numberText(stat.rdev)}`
    : `file ${numberText(stat.dev)} ${stat.ino}`;
}

/** Returns `major:minor`; see makedev(3). */
function numberText(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  return `${major}:${minor}`;
}
