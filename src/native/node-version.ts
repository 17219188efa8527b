// The one place that says which versions of Node are supported. A test compares the packages and the documents with it.

/** The oldest supported release of each line of Node before {@link ALL_FROM}. */
const RELEASES = [
  [18, 17],
  [20, 9],
] as const;

/** The line of Node from which on all releases are supported. */
const ALL_FROM = 22;

/** The oldest supported version of Node. */
export const OLDEST_NODE: string = RELEASES[0].join(".");

/** The supported versions of Node, for npm. */
export const NODE_RANGE: string = [
  ...RELEASES.map((release) => `^${release.join(".")}`),
  `>=${ALL_FROM}`,
].join(" || ");

/** The supported versions of Node, for people. */
export const NODE_VERSIONS: string = `Node ${[
  ...RELEASES.map((release) => `${release[0]} (${release.join(".")} or later)`),
  `or ${ALL_FROM} or later`,
].join(", ")}`;

/** True if a version of Node is supported; `version` may begin with `v`. */
export function runsOnNode(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return major >= ALL_FROM || RELEASES.some(([line, oldest]) => major === line && minor >= oldest);
}
