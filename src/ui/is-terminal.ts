import { fstatSync } from "node:fs";
import { isatty } from "node:tty";

/** The device number of /dev/null on Linux, where cron and services have their standard streams. */
const NULL_DEVICE = 0x103;

/** True if a descriptor is a terminal. Node's own answer loads its network code first, so it is only asked about devices that may be one. */
export function isTerminal(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isCharacterDevice() && stat.rdev !== NULL_DEVICE && isatty(fd);
  } catch {
    // It is closed.
    return false;
  }
}
