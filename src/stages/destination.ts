import { resolve } from "node:path";

import type * as Binding from "../native/binding.js";
import { isEngineFailure } from "../native/error.ts";
import { AdvisedError, OptionError } from "./context.ts";

/** A destination is not there, and could be made. */
export class MissingError extends AdvisedError {
  override readonly name = "MissingError";
}

/**
 * Says of a destination that cannot be opened because it is missing how to have it made; a source is none to be made.
 *
 * @throws MissingError, or `error` where it is something else, or a device
 */
export function adviseOnMissing(error: unknown): never {
  throw isEngineFailure(error) &&
    error.kind === "not-found" &&
    error.path?.startsWith("/dev/") !== true
    ? new MissingError(
        error.message,
        "check the name, and that its folder is there; with --create, a file that is missing is made",
      )
    : error;
}

/**
 * A regular file in /dev is what a mistake of another program left in the place of a device. It is in memory, and a copy
 * of a disk would fill that.
 *
 * @throws OptionError
 */
export function refuseFileAmongDevices(file: string, sink: Binding.Sink): void {
  const path = resolve(file);
  if (!sink.isDevice && path.startsWith("/dev/") && !path.startsWith("/dev/shm/")) {
    throw new OptionError(
      `${file} is a regular file, not a device`,
      "remove it, and find out why the device is not there (`lsblk`)",
    );
  }
}
