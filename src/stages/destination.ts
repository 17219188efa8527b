import type * as Binding from "../native/binding.js";
import { isEngineFailure } from "../native/error.ts";
import { adviceOnMissing } from "../transport/path-advice.ts";
import { absolute } from "../transport/files.ts";
import { AdvisedError, OptionError } from "./context.ts";

/** A destination is not there, and could be made. */
export class MissingError extends AdvisedError {
  override readonly name = "MissingError";
}

/**
 * Adds advice to the failure to open a destination that does not exist.
 *
 * @throws MissingError, or `error` if it is another failure
 */
export function adviseOnMissing(error: unknown): never {
  throw isEngineFailure(error) && error.kind === "not-found"
    ? new MissingError(error.message, adviceOnMissing(error.path ?? "", "destination"))
    : error;
}

/**
 * A regular file in /dev is what a mistake of another program left in the place of a device. It is in memory, and a copy
 * of a disk would fill that.
 *
 * @throws OptionError
 */
export function refuseFileAmongDevices(file: string, sink: Binding.Sink): void {
  const path = absolute(file);
  if (!sink.isDevice && path.startsWith("/dev/") && !path.startsWith("/dev/shm/")) {
    throw new OptionError(
      `${file} is a regular file, not a device`,
      "remove it, and find out why the device is not there (`lsblk`)",
    );
  }
}
