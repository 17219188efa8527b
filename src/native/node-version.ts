/** The versions of Node that the program runs on, for people; package.json says the same for npm. */
export const NODE_VERSIONS = "Node 20.19 or later, or 22.12 or later";

/** Whether the program runs on this version of Node, with or without a `v` before it. */
export function runsOnNode(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
}
