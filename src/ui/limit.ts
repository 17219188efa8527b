/** What a copy waits for: the slowest of all that it needs. */
export interface Limit {
  what: "cpu" | "disk" | "link" | "bwlimit";
  /** At which end; null for the link between them, and where both are on one host and nothing tells them apart. */
  side: "source" | "destination" | null;
  /** The host of that end, where it is another one. */
  host: string | null;
}

/** A limit in words. */
export function limitText({ what, side, host }: Limit): string {
  const name = { cpu: "CPU", disk: "disk", link: "link", bwlimit: "--bwlimit" }[what];
  if (host !== null) {
    return `${name} of ${host}`;
  }
  return side === null ? name : `${name} of the ${side}`;
}
