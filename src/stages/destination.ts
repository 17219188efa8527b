import { resolve } from "node:path";

import type * as Binding from "../native/binding.js";
import { OptionError } from "./context.ts";

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
