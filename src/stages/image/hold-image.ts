import { isEngineFailure } from "../../errors/engine-failure.ts";
import type * as Binding from "../../native/binding.js";
import { ImageInUseError } from "./qemu.ts";

/**
 * Offset of the byte that a copy locks. QEMU locks others. It lies beyond the end of every image, because SMB keeps all writes away from
 * what is locked.
 */
const BYTE = 2 ** 52;

/**
 * Keeps other copies away from an image until this process has ended, also those with `--force`. QEMU does so only while one of its
 * programs runs: between two of them, another copy could open an image that this one has created, and may still remove. A file that
 * cannot be locked is left to QEMU.
 *
 * @param path leads to the file, which may have lost the name `file`
 * @throws ImageInUseError
 */
export function holdImage(
  native: Pick<typeof Binding, "lockByteForLife">,
  file: string,
  path: string = file,
): void {
  if (!locked(native, path)) {
    throw new ImageInUseError(
      `another copy is writing to ${file}`,
      "wait for its end, or end it, and run this again; --force does not override this lock",
    );
  }
}

/** Locks the file; true also if that is not possible. */
function locked(native: Pick<typeof Binding, "lockByteForLife">, path: string): boolean {
  try {
    return native.lockByteForLife(path, BYTE);
  } catch (error) {
    if (isEngineFailure(error)) {
      return true;
    }
    throw error;
  }
}
