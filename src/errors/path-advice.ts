import { join } from "node:path";

import { absolute, lstatSync, readlinkSync, statSync } from "../native/files.ts";
import { systemCode } from "./stream-errors.ts";

/** The role of a path. A missing destination can be created, a source cannot. */
export type Role = "source" | "destination";

const DEVICE =
  "check the name, and that the device exists (`lsblk`; an LVM volume must be active: `lvs`, `lvchange -ay`)";

/** Returns advice on a file or device that does not exist: the first fault on the path to it. */
export function adviceOnMissing(path: string, role: Role): string {
  const wrong = wrongWith(path, role);
  if (wrong !== undefined) {
    return wrong;
  }
  if (path.startsWith("[")) {
    return "check the name; for the command of a server, give each bracket as a word of its own: [ nbdkit memory 1G ]";
  }
  return role === "source" ? "check the name" : "check the name; --create creates a missing file";
}

/** Returns advice on the first fault of a path; undefined if only its last part does not exist. */
function wrongWith(path: string, role: Role): string | undefined {
  const isDevice = path.startsWith("/dev/") && !path.startsWith("/dev/shm/");
  if (path.endsWith("/")) {
    return "leave out the slash at its end: it denotes a folder, but a file or device is needed";
  }
  const whole = fromRoot(path);
  if (whole === undefined) {
    return "the current folder was removed: change to another one (`cd /`)";
  }
  const parts = whole.split("/").filter((part) => part !== "");
  let place = "/";
  for (const [index, part] of parts.entries()) {
    place = join(place, part);
    const isLast = index === parts.length - 1;
    const state = stateOf(place);
    if (typeof state === "object") {
      return linkAdvice(place, state.target);
    }
    if (isDevice && state === "missing") {
      return DEVICE;
    }
    if (state === "missing" && !isLast) {
      const mkdir = role === "source" ? "" : "; if it is right, make the folder first (`mkdir -p`)";
      return `check the name: the folder ${place} does not exist${mkdir}`;
    }
    if (state === "no folder" && !isLast) {
      return `check the name: ${place} is not a folder`;
    }
    if (state === "missing" || state === "unknown") {
      break;
    }
  }
  return isDevice ? DEVICE : undefined;
}

/** Returns the absolute path; undefined if the current folder has been removed. */
function fromRoot(path: string): string | undefined {
  try {
    return absolute(path);
  } catch {
    return undefined;
  }
}

function linkAdvice(link: string, target: string): string {
  return `${link} is a link to ${target}, which does not exist: correct or remove the link, or give the name of the file itself`;
}

/** Returns the kind of file at a path; for a dangling link, its target. */
function stateOf(
  path: string,
): "folder" | "no folder" | "missing" | "unknown" | { target: string } {
  try {
    return statSync(path).isDirectory() ? "folder" : "no folder";
  } catch (error) {
    if (systemCode(error) !== "ENOENT") {
      return "unknown";
    }
  }
  try {
    return lstatSync(path).isSymbolicLink() ? { target: readlinkSync(path) } : "missing";
  } catch {
    return "missing";
  }
}
