/** The supported versions of Node, for people; package.json has the same for npm. */
export const NODE_VERSIONS = "Node 20.19 or later, or 22.12 or later";

/** True if a version of Node is supported; `version` may begin with `v`. */
export function runsOnNode(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
}
