import { systemCode } from "../../errors/stream-errors.ts";
import type * as Binding from "../../native/binding.js";
import { readdirSync, readlinkSync, statExactSync } from "../../native/files.ts";
import { identityOf } from "../file-identity.ts";
import { ImageError } from "./image-error.ts";

/** A file that a process has open. */
interface Opened {
  name: string;
  stat: ReturnType<typeof statExactSync>;
}

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

/**
 * Refuses a file that is not the one that was created here, if one was.
 *
 * @throws ImageError
 */
export function refuseOtherContainer(
  { file, made }: { file: string; made?: string },
  container: Binding.Source,
): void {
  if (made !== undefined && container.instance()?.endsWith(` ${made}`) !== true) {
    throw new ImageError(
      `${file} was replaced as soon as it had been created`,
      "nothing was copied; find out who changes it, and let only trusted users write to its folder",
    );
  }
}

/** Lists the files and block devices that a process has open. */
function filesOf(pid: number): Opened[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder)
    .filter((fd) => Number(fd) >= OWN)
    .map((fd) => openedAt(`${folder}/${fd}`))
    .filter((opened) => opened !== undefined)
    .filter(({ stat }) => stat.isFile() || stat.isBlockDevice());
}

/** Examines a descriptor; undefined if it has been closed since the folder was read. */
function openedAt(path: string): Opened | undefined {
  try {
    return { stat: statExactSync(path), name: readlinkSync(path) };
  } catch (error) {
    if (systemCode(error) === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}
