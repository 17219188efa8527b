import { join } from "node:path";

import { absolute, lstatSync, readlinkSync, statSync } from "../native/files.ts";
import { systemCode } from "./stream-errors.ts";

/** The role of a path: a source is never made, a destination can be. */
export type Role = "source" | "destination";

const DEVICE =
  "check the name, and that the device is there (`lsblk`; an LVM volume must be active: `lvs`, `lvchange -ay`)";

/** Advice on a file or device that does not exist by the name `path`: the first thing on the way to it that is wrong. */
export function adviceOnMissing(path: string, role: Role): string {
  const wrong = wrongWith(path);
  if (wrong !== undefined) {
    return wrong;
  }
  return role === "source"
    ? "check the name"
    : "check the name; with --create, a file that is missing is made";
}

/** Finds out why nothing can be opened by a name; undefined if only the last part of it does not exist. */
function wrongWith(path: string): string | undefined {
  const isDevice = path.startsWith("/dev/") && !path.startsWith("/dev/shm/");
  if (path.endsWith("/")) {
    return "leave out the slash at its end: it stands for a folder, and a file or device is needed";
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
      return `check the name: the folder ${place} does not exist`;
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

/** A name from the root on; undefined for one in a current folder that has been removed. */
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

/** Returns what is at a path; for a dangling link, its target. */
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
