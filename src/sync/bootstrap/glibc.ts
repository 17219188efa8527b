/**
 * Finds the newest version of glibc that an ELF file needs, such as `2.34`.
 *
 * @param content the file, whose string table has the needed versions as names such as `GLIBC_2.34`
 * @returns undefined if it needs none
 */
export function glibcNeeded(content: Uint8Array): string | undefined {
  const names = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    .toString("latin1")
    .matchAll(/GLIBC_(\d+(?:\.\d+)+)\0/g);
  return Array.from(names, ([, version = ""]) => version)
    .sort((a, b) => (isOlder(a, b) ? -1 : 1))
    .at(-1);
}

/** True if a version of dotted numbers is older than another one. */
export function isOlder(version: string, other: string): boolean {
  const [mine, theirs] = [version, other].map((text) => text.split(".").map(Number));
  for (let place = 0; place < Math.max(mine?.length ?? 0, theirs?.length ?? 0); place++) {
    const [a, b] = [mine?.[place] ?? 0, theirs?.[place] ?? 0];
    if (a !== b) {
      return a < b;
    }
  }
  return false;
}
