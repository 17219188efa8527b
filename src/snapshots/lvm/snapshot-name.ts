/** Longest name of a device of device-mapper, in bytes; see DM_NAME_LEN in dm-ioctl.h. */
const LONGEST = 127;

/** Room for what LVM adds to the names of a snapshot's parts, such as `-cow`. */
const ADDED = "-cow".length;

/**
 * Makes a name for a snapshot that shows what it is: `disk-blockcopy-20260131T020000Z-4711`. The name of a volume is shortened if the
 * device would get a name that is too long.
 */
export function snapshotName(
  { group, volume }: { group: string; volume: string },
  { now, pid }: { now: Date; pid: number },
): string {
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return nameWith({ group, volume }, `-blockcopy-${time}-${pid}`);
}

/** True for a name that a snapshot of a volume can have. */
export function isSnapshotName(name: string, of: { group: string; volume: string }): boolean {
  const ending = /-blockcopy-\d{8}T\d{6}Z-\d{1,10}$/.exec(name)?.[0];
  return ending !== undefined && name === nameWith(of, ending);
}

function nameWith({ group, volume }: { group: string; volume: string }, ending: string): string {
  const room = LONGEST - ADDED - deviceLength(group) - 1 - deviceLength(ending);
  let beginning = volume;
  while (beginning.length > 1 && deviceLength(beginning) > room) {
    beginning = beginning.slice(0, -1);
  }
  return beginning + ending;
}

/** Returns the length of a name as part of the name of a device, where hyphens are doubled. */
function deviceLength(name: string): number {
  return name.replaceAll("-", "--").length;
}
