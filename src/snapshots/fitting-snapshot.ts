import type * as Binding from "../native/binding.js";
import { statfsSync } from "../native/files.ts";
import { numberOf, volumeKind } from "./device-mapper.ts";

/** File systems that can clone files, by their magic numbers: XFS and btrfs, see statfs(2). */
const CLONING: readonly number[] = [0x58465342, 0x9123683e];

/** Returns the `--snapshot` that would most likely work for a source; undefined if none is known. */
export function fittingSnapshot(file: string, source: Binding.Source): string | undefined {
  if (!source.isDevice) {
    return mayBeCloned(file) ? "reflink" : undefined;
  }
  const number = numberOf(source);
  return number === undefined ? undefined : volumeKind(number);
}

/** True if a file lies on a file system that can usually clone it. */
function mayBeCloned(file: string): boolean {
  try {
    return process.platform === "linux" && CLONING.includes(statfsSync(file).type);
  } catch {
    return false;
  }
}
