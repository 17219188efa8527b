// Warnings about connections that a copy over several streams has lost.

/** Returns the lines about connections that were lost. */
export function lossesIn(stderr: string): string[] {
  return stderr.split("\n").filter((line) => /^WARNING.* new connection/.test(line));
}
