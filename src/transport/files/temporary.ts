import { randomUUID } from "node:crypto";
import { constants, mkdtempSync } from "node:fs";
import { join } from "node:path";

import { CopyError } from "../../errors/copy-error.ts";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { systemCode, systemReason } from "../../errors/stream-errors.ts";
import { givenVariable } from "../../native/arguments.ts";
import { openSync, removeSync } from "../../native/files.ts";

/** Flag of open(2) that is used with O_DIRECTORY. Node has no constant for it. */
const O_TMPFILE = 0o20000000;

/** Errors that another folder would not help against. */
const OF_HOST: readonly (string | undefined)[] = ["EMFILE", "ENFILE", "ENOMEM"];

/** Errors for which the exit code speaks of permission. */
const FORBIDDEN: readonly (string | undefined)[] = ["EACCES", "EPERM", "EROFS"];

/** The folder for temporary files cannot be used. */
export class TemporaryError extends CopyError {
  override readonly name = "TemporaryError";

  constructor(message: string, exitCode: number = ExitCode.io) {
    super(
      message,
      "make sure that the folder exists, has free space and is writable for this user, or set TMPDIR to another one",
      exitCode,
    );
  }
}

/** Returns the folder for temporary files: TMPDIR, or else /var/tmp, because /tmp is often in memory. */
export function temporaryFolder(): string {
  return givenVariable("TMPDIR") || "/var/tmp";
}

/**
 * Returns the error for something that cannot be done in the folder for temporary files; others than those of the system as they are.
 *
 * @param action what has failed, before the name of the folder: `make a file in`
 */
export function temporaryError(action: string, error: unknown): unknown {
  const code = systemCode(error);
  const isOfFolder = isEngineFailure(error) || (code !== undefined && !OF_HOST.includes(code));
  return isOfFolder
    ? new TemporaryError(
        `cannot ${action} the temporary folder ${temporaryFolder()}: ${systemReason(error)}`,
        FORBIDDEN.includes(code) ? ExitCode.permission : ExitCode.io,
      )
    : error;
}

/**
 * Makes a folder for temporary files that only this user may enter.
 *
 * @param prefix the beginning of its name
 * @throws TemporaryError
 */
export function makeTemporaryFolder(prefix: string): string {
  try {
    return mkdtempSync(join(temporaryFolder(), prefix));
  } catch (error) {
    throw temporaryError("make a folder in", error);
  }
}

/**
 * Opens a temporary file that never has a name, for reading and writing; the kernel removes it when it is closed. Where the file system
 * cannot do that, makes one and removes its name at once.
 *
 * @throws TemporaryError
 */
export function openUnnamed(): number {
  try {
    return openUnnamedIn(temporaryFolder());
  } catch (error) {
    throw temporaryError("make a file in", error);
  }
}

/**
 * Does the same in any folder.
 *
 * @throws the system's error
 */
export function openUnnamedIn(folder: string): number {
  const { O_CREAT, O_DIRECTORY, O_EXCL, O_RDWR } = constants;
  try {
    return openSync(folder, O_TMPFILE | O_DIRECTORY | O_RDWR, 0o600);
  } catch (error) {
    if (!["EOPNOTSUPP", "EISDIR", "EINVAL"].includes(systemCode(error) ?? "")) {
      throw error;
    }
  }
  const path = join(folder, `blockcopy-${randomUUID()}`);
  const file = openSync(path, O_CREAT | O_EXCL | O_RDWR, 0o600);
  removeSync(path);
  return file;
}
