/** Properties of a file that tell it from others, with exact numbers. */
interface Status {
  dev: bigint;
  ino: bigint;
  rdev: bigint;
  isBlockDevice: () => boolean;
}

/** Returns the identity of a file as the engine writes it, without that of the boot. */
export function identityOf(stat: Status): string {
  return stat.isBlockDevice()
    ? `device ${numberText(stat.rdev)}`
    : `file ${numberText(stat.dev)} ${stat.ino}`;
}

/** Returns `major:minor`. Linux splits both over the number; see makedev(3). */
function numberText(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
