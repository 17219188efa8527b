import { basename } from "node:path";

import { ExitCode } from "../../errors/exit-codes.ts";
import { systemCode, systemReason } from "../../errors/stream-errors.ts";
import type * as Binding from "../../native/binding.js";
import { CreatedFile } from "../../transport/files/created-file.ts";
import { withLink } from "../../transport/files/private-link.ts";
import { hasSucceeded, startChild } from "../../transport/processes/child.ts";
import { endsWithThis } from "../../transport/processes/ends-with-this.ts";
import { identityOf } from "../file-identity.ts";
import { holdImage } from "./hold-image.ts";
import type { NewImage } from "./image-use.ts";
import { programFor, QemuError, Words } from "./qemu.ts";

/** An image to be created, and the bytes of its disk. */
type SizedImage = NewImage & { size: number };

/** An image that was created here. */
export interface MadeImage {
  /** The identity of the file, as the engine writes it. */
  identity: string;
  /** Keeps the file. Without this call, the process removes it when it ends. */
  keep: () => void;
  /** True if nothing has written to the file since. Only until it is kept. */
  isUntouched: () => boolean;
}

/**
 * Creates an image, with a disk of zeros, and syncs it. Until this process has ended, no other copy uses it.
 *
 * @throws QemuError
 */
export async function makeImage(
  native: Pick<typeof Binding, "lockByteForLife">,
  image: SizedImage,
): Promise<MadeImage> {
  const container = create(image.file);
  try {
    holdImage(native, image.file, `/proc/self/fd/${container.descriptor}`);
  } catch (error) {
    // It belongs to the other copy now.
    container.keep();
    throw error;
  }
  try {
    await fill(container, image);
    await container.sync();
    const { mtimeNs: made } = container.now();
    return {
      identity: identityOf(container.stat),
      keep: () => container.keep(),
      isUntouched: () => container.now().mtimeNs === made,
    };
  } catch (error) {
    throw systemCode(error) === undefined ? error : failure(image, systemReason(error));
  }
}

/** Exit codes, by system error, for a file that cannot be created. */
const EXIT_CODES: Readonly<Record<string, number>> = {
  EEXIST: ExitCode.unavailable,
  EACCES: ExitCode.permission,
  EPERM: ExitCode.permission,
  EROFS: ExitCode.permission,
};

function create(file: string): CreatedFile {
  try {
    return new CreatedFile(file);
  } catch (error) {
    const code = systemCode(error);
    throw new QemuError(
      `cannot create ${file}: ${systemReason(error)}`,
      code === "EEXIST"
        ? "another program has just created it: find out which, and run it again"
        : "give a name in a folder where this user can create files, on a file system with free space",
      EXIT_CODES[code ?? ""] ?? ExitCode.io,
    );
  }
}

/** The number that the descriptor of the file has in qemu-img. */
const PLACE = 3;

/**
 * Lets qemu-img make an image of an empty file. It gets the open file, so that no name is taken for another file, an option or a URL. It
 * sees it under its own name in a private folder, because a VMDK image contains the name of its file.
 */
async function fill({ descriptor }: CreatedFile, image: SizedImage): Promise<void> {
  const { file, format, size } = image;
  const program = programFor("qemu-img", image);
  await withLink(basename(file), `/proc/self/fd/${PLACE}`, async (link) => {
    const words = new Words();
    // If this process is killed, no other copy must meet a program that is still making the image.
    const command = endsWithThis([program, "create", "-q", "-f", format, link, String(size)]);
    const { status } = await startChild({
      command,
      stdin: "ignore",
      stdout: "ignore",
      third: descriptor,
      onLine: (line) => words.add(line),
    }).ended;
    if (!hasSucceeded(status)) {
      const said = words.text.replaceAll("qemu-img: ", "").replaceAll(`${link}: `, "");
      throw failure(image, said || `qemu-img create: ${JSON.stringify(status)}`);
    }
  });
}

/** Makes the error for an image that cannot be created. */
function failure({ file, format, size }: SizedImage, why: string): QemuError {
  return new QemuError(
    `cannot create ${file} as a ${format} image of ${size} bytes: ${why}`,
    "nothing was copied; look at the space on its file system, and at the largest disk of that format",
    ExitCode.io,
  );
}
