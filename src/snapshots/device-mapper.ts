import type * as Binding from "../native/binding.js";
import { readdirSync, readTextSync } from "../native/files.ts";

/** Kind of an LVM volume, as far as the kernel shows it. */
export type VolumeKind = "thin" | "lvm";

/** Returns `major:minor` of a device. */
export function numberOf(source: Binding.Source): string | undefined {
  return / device (\d+:\d+)$/.exec(source.instance() ?? "")?.[1];
}

/**
 * Returns the kind of the LVM volume that is the device with this `major:minor`; undefined if it is another device. It reads /sys alone, so that it
 * costs nothing to ask for each copy.
 */
export function volumeKind(number: string): VolumeKind | undefined {
  const folder = `/sys/dev/block/${number}`;
  if (!uuidOf(folder).startsWith("LVM-")) {
    return undefined;
  }
  const below = namesIn(`${folder}/slaves`).map((name) => uuidOf(`${folder}/slaves/${name}`));
  return below.some((uuid) => uuid.startsWith("LVM-") && uuid.endsWith("-tpool")) ? "thin" : "lvm";
}

/**
 * Returns the names of the LVM volume that is the device with this `major:minor`, and of its group. The name of the device is that of the
 * group and that of the volume, with a hyphen in between; those in the names are doubled.
 */
export function volumeNames(number: string): { group: string; volume: string } | undefined {
  const name = textOf(`/sys/dev/block/${number}/dm/name`);
  const [, group, volume] = /^((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(name) ?? [];
  return group === undefined || volume === undefined
    ? undefined
    : { group: group.replaceAll("--", "-"), volume: volume.replaceAll("--", "-") };
}

function uuidOf(folder: string): string {
  return textOf(`${folder}/dm/uuid`);
}

function textOf(file: string): string {
  try {
    return readTextSync(file).trim();
  } catch {
    // Not a device of device-mapper.
    return "";
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
