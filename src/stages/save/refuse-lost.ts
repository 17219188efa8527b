import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { systemCode } from "../../errors/stream-errors.ts";
import type * as Binding from "../../native/binding.js";
import { statExactSync } from "../../native/files.ts";
import { identityOf } from "../file-identity.ts";

/** The name of a destination leads elsewhere by now. */
class LostError extends CopyError {
  override readonly name = "LostError";
}

/**
 * Refuses a file that no longer has its name: what was written to it is not where the copy should be. Another program has removed or
 * replaced it, such as a failed copy that had created it. A device stays what it is, whatever its node is called.
 *
 * @param opened the file, opened for reading
 * @param hasWritten false if nothing has been written to it yet
 * @throws LostError
 */
export function refuseLost(
  file: string,
  opened: Binding.Source,
  { hasWritten }: { hasWritten: boolean },
): void {
  const instance = opened.instance();
  if (process.platform !== "linux" || instance === null || !instance.includes(" file ")) {
    return;
  }
  const found = identityAt(file);
  if (found !== undefined && !instance.endsWith(` ${found}`)) {
    const what = found === "" ? "removed or renamed" : "replaced by another file";
    throw new LostError(
      `${file} was ${what} while it was ${hasWritten ? "written" : "opened; nothing was written"}`,
      "find out what did that (another copy, a job that tidies up), and copy again",
      hasWritten ? ExitCode.differs : ExitCode.unavailable,
    );
  }
}

/** Returns the identity of the file with a name; empty if there is none, undefined if that cannot be known. */
function identityAt(file: string): string | undefined {
  try {
    return identityOf(statExactSync(file));
  } catch (error) {
    return ["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "") ? "" : undefined;
  }
}
