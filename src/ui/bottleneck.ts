/** The slowest part of a copy, which everything else waits for. */
export interface Bottleneck {
  what: "cpu" | "disk" | "link" | "bwlimit";
  /** The side it is at; null for the link, and if both sides are on one host and cannot be told apart. */
  side: "source" | "destination" | null;
  /** The host of that side if it is remote. */
  host: string | null;
}

/** Returns a bottleneck in words. */
export function bottleneckText({ what, side, host }: Bottleneck): string {
  const name = { cpu: "CPU", disk: "disk", link: "link", bwlimit: "--bwlimit" }[what];
  if (host !== null) {
    return `${name} of ${host}`;
  }
  return side === null ? name : `${name} of the ${side}`;
}
